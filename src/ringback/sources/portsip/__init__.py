"""Collecting the call logs of a PortSIP PBX from `/calllogs` or `/cdrs`, so that nothing is lost.

Nobody documents what these lists heed, so `probe` finds it out (`abilities`); `coverage` and `planner` say what is
missing and what to ask next, `reader` reads it page by page, `details` one row at a time. `session` makes requests,
with what `login` got. `events` listens for calls that ended. How it is done is in `docs/collecting.md`.
"""
