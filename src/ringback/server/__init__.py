"""The server: the app, who may ask (tokens) and how often (limits), errors, and one module for each dialect.

A dialect reads the ledger and speaks one wire format; it never writes a record. Web processes hold no state: whatever
they must remember is in the store, so any of them can answer any request.
"""
