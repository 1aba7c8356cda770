"""The user call history: one session for each user and each call they took part in.

`rules` says what a session is, from the legs of a call alone. `projection` keeps the sessions up to date with the
ledger, `people` knows whose a number is, `marks` keeps what users do with their sessions, `query` reads them.
"""
