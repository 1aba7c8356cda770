"""How a web process handles memory: it keeps what it had, because the next page needs just as much."""

from __future__ import annotations

import contextlib
import ctypes
import gc

# From glibc's malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_KEPT_BYTES = 256 * 1024 * 1024


def keep() -> None:
    """Keep the memory of pages in this process, and what was loaded at its start out of garbage collection.

    A page of 500 records is a megabyte in a few hundred pieces. Left to itself, glibc gives such memory back to the
    system after each page, and faults it in again for the next one: a fifth of the time of a page. Python's collector
    would look through all modules again and again for nothing. Elsewhere than on glibc, only the second is done.

    To be called when the app has been made, before it serves.
    """
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # no C library to be had, or one without mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, 32 * 1024 * 1024)  # glibc takes no larger one
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
