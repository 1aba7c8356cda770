"""Collecting, whatever the kind of source: the loop that asks one window after the other, its clock, lease and pages.

A kind of source (`ringback.sources.webex`) gives the rest: what to ask next (a pure function of the windows that were
asked so far), and how to read it. Nothing here knows a protocol.
"""
