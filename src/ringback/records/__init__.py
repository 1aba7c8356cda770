"""What a record is: the field table, the typed `CDR`, its open enums, how bytes become records, and the leg.

This room is pure: it knows nothing of files, networks, databases or clocks, and imports no other room of ringback.
The SDK is built on it alone, so nothing that only a server needs may ever be imported here.
"""
