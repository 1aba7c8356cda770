"""Where records come from: files that people have (`files`), and how what was read gets into the ledger (`importing`).

A source knows the outside (formats, pacing, damage) so that nothing behind it has to. It must never touch a projection
or speak a dialect.
"""
