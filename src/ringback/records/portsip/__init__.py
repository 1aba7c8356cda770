"""What a PortSIP call log is as a record, and how it and a Webex CDR become each other; see `docs/mapping.md`."""
