"""Where the command starts, as `ringback` or as `python -m ringback`; also where only the SDK is installed.

There it says what to install. Nothing that the extra `server` brings may be imported here before that is known.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; without the extra `server`, end with one message on standard error and exit code 1."""
    try:
        from ringback.cli import main as run
    except ModuleNotFoundError as error:
        missing = (error.name or "ringback").partition(".")[0]
        if missing == "ringback" or missing in sys.stdlib_module_names:
            raise  # no extra brings these
        sys.exit(
            f"Error: the command needs more than the SDK, and {missing} is not installed. "
            "Install it all with: pip install 'ringback[server]'"
        )
    run()


if __name__ == "__main__":
    main()
