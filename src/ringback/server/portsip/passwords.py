"""Checking passwords that strangers send: not too many at once, and not too many wrong ones.

To check a password takes a tenth of a second and 64 MiB, on purpose. So one thread does it, and few may wait for it.
Wrong ones are counted by the name that came with them, whether there is such an account or not: nobody can tell by the
answers, and nothing is stored. Each web process counts for itself, in memory: a count that all share would cost a write
for each guess.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from ringback.records.values import to_milliseconds
from ringback.server.accounts import (
    MAX_DOMAIN,
    MAX_PASSWORD,
    MAX_USERNAME,
    Account,
    Accounts,
    account_name,
    split_name,
)
from ringback.server.portsip.errors import UNAUTHORIZED, PortsipError

MOST_WRONG = 10
"""Wrong passwords for one name, in any 15 minutes."""

MOST_WRONG_OF_ALL = 1000
"""Wrong passwords for all names together, in any 15 minutes. That bounds guessing of one password for many names, and
what guessing costs."""

MOST_WAITING = 16
"""Passwords that are being checked or wait for it; the last one waits about two seconds."""

_WINDOW = 15 * 60 * 1000
_BUSY_SECONDS = 2


class WrongPasswords:
    """When wrong passwords came, and for which names, as far as it counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came: list[tuple[int, bytes]] = []  # milliseconds since 1970 and a hash of the name; the oldest first

    def wait(self, name: str, now: int) -> int:
        """Seconds until a password for this name may be tried, 1 to 900; 0 if it may be now.

        Args:
            now: milliseconds since 1970.
        """
        key = _key(name)
        with self._lock:
            # Those of the future go as well: the clock was set back, and nobody shall wait for it to catch up.
            self._came = [(at, of) for at, of in self._came if now - _WINDOW < at <= now]
            of_all = [at for at, _ in self._came]
            of_name = [at for at, of in self._came if of == key]
        counted = ((of_name, MOST_WRONG), (of_all, MOST_WRONG_OF_ALL))
        ends = [times[-allowed] + _WINDOW - now for times, allowed in counted if len(times) >= allowed]
        return -(-max(ends, default=0) // 1000)

    def add(self, name: str, now: int) -> None:
        """Count one."""
        with self._lock:
            self._came.append((now, _key(name)))

    def forget(self, name: str) -> None:
        """Count those for this name no more."""
        key = _key(name)
        with self._lock:
            self._came = [(at, of) for at, of in self._came if of != key]


class Passwords:
    """Checks passwords. Close it after use.

    Args:
        clock: gives the current time, aware.
    """

    def __init__(self, accounts: Accounts, clock: Callable[[], datetime]) -> None:
        self._accounts = accounts
        self._clock = clock
        self._wrong = WrongPasswords()
        self._places = threading.Semaphore(MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")

    def close(self) -> None:
        """End the thread, when it is done with what it does."""
        self._thread.shutdown(cancel_futures=True)

    async def check(self, username: str, password: str, domain: str = "") -> Account:
        """The account with this name and password.

        Raises:
            ApiError: 400, there is none; 429, there were too many wrong ones; 503, too many wait for this.
            StoreError: the accounts cannot be read.
        """
        if len(username) > MAX_USERNAME or len(domain) > MAX_DOMAIN or len(password) > MAX_PASSWORD:
            raise bad_login()  # no account has it, so it is no guess
        name = account_name(*split_name(username, domain))
        self._refuse_to_guess(name)  # here too: who has to wait takes no place of others
        if not self._places.acquire(blocking=False):
            raise PortsipError(503, "Too many log in at this moment. Try again.", Retry_After=str(_BUSY_SECONDS))
        future = self._thread.submit(self._check, name, username, password, domain)
        # When the work is done or will not be, and not when nobody waits for it any more.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def _check(self, name: str, username: str, password: str, domain: str) -> Account:
        # In the one thread, so that each is counted before the next is looked at.
        self._refuse_to_guess(name)
        account = self._accounts.verify(username, password, domain)
        if account is None:
            self._wrong.add(name, to_milliseconds(self._clock()))
            raise bad_login()
        self._wrong.forget(name)
        return account

    def _refuse_to_guess(self, name: str) -> None:
        if wait := self._wrong.wait(name, to_milliseconds(self._clock())):
            raise PortsipError(429, f"Too many logins failed. Try again in {wait} seconds.", Retry_After=str(wait))


def bad_login() -> PortsipError:
    """What is said of every login that fails: PortSIP has 400 for it, and not 401."""
    return PortsipError(400, "Login failed: the name, the domain or the password is wrong.", code=UNAUTHORIZED)


def _key(name: str) -> bytes:
    # All of the same size: names may be long.
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
