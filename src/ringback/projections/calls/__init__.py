"""Whole calls: which records belong together, under one id that never changes, and the one story of each call.

Nothing here knows of a wire format, and nothing is kept that does not follow from the ledger.
"""
