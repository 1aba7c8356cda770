"""Collecting the records of a Webex Calling org from `cdr_stream` and `cdr_feed`, so that nothing is lost.

`rules` are the constants of the cloud, `coverage` and `planner` say what is missing and what to ask next, `reader` asks
it with the SDK (`ringback.clients`), `credentials` have the token. How it is done is in `docs/collecting.md`.
"""
