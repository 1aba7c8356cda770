"""Measures what `docs/performance.md` tells; run by `script/bench`. No tests: nothing here fails for being slow."""
