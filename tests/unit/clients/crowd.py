"""Threads on one clock. It stands still while any of them works; when all sleep, it goes on to the first to wake."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence


class Crowd:
    """Runs functions side by side, each in a thread, on a clock of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now = 1000.0
        self._awake = 0
        self._wakes: list[float] = []

    def timer(self) -> float:
        """Seconds."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the others work until so many seconds have passed."""
        with self._changed:
            wake = self._now + seconds
            heapq.heappush(self._wakes, wake)
            self._rest()
            while self._now < wake:
                assert self._changed.wait(30), "somebody neither works nor sleeps"

    def run(self, members: Sequence[Callable[[], None]]) -> None:
        """Run them all to their end; the first error of any of them is raised."""
        errors: list[BaseException] = []

        def work(member: Callable[[], None]) -> None:
            try:
                member()
            except BaseException as error:
                errors.append(error)
            finally:
                with self._changed:
                    self._rest()

        self._awake = len(members)
        threads = [threading.Thread(target=work, args=(member,), daemon=True) for member in members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
        if errors:
            raise errors[0]

    def _rest(self) -> None:
        self._awake -= 1
        if self._awake or not self._wakes:
            return
        self._now = self._wakes[0]
        while self._wakes and self._wakes[0] <= self._now:
            heapq.heappop(self._wakes)
            self._awake += 1
        self._changed.notify_all()
