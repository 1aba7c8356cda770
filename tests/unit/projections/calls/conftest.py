"""The comparison with the truth is shared with the benchmarks, which are no part of what is installed."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[4])
if ROOT not in sys.path:
    sys.path.append(ROOT)
