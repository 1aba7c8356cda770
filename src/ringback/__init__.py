"""ringback: an organisation's call history."""

__version__ = "0.1.0.dev0"
