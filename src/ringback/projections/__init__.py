"""What is derived from the ledger: each projection reads on from its checkpoint, and writes its tables, the events that
tell of the change, and its new checkpoint in one commit. So it may die at any instruction, and be dropped and built
again at any time. Nothing here asks a source for anything, and nothing here knows of HTTP.
"""
