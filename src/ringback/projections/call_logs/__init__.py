"""PortSIP's call logs as tables: each record as one call log, and all call logs of a session as one summary.

Here is what makes the rows from the ledger, and what finds them again: filters and orders as SQL, pages by key. Nothing
in here knows HTTP, or the text that a filter was written in.
"""
