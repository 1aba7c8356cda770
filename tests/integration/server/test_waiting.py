"""Who has to wait for the store, and who has not."""

from __future__ import annotations

import threading
import time

import httpx2

from factories import Clock, wire_record
from serving import ALL_TIME, FEED, HOUR, MINUTE, Site, listening, window


def test_waiting_for_the_store_holds_up_nobody_else(site: Site, clock: Clock) -> None:
    """While another process writes for long, a request that must be counted waits; pages of others are answered."""
    site.append(wire_record("a"))
    limited, free = site.token("documented"), site.token("none")
    answers: list[int] = []
    with listening(site.app) as address:

        def ask(token: str, query: dict[str, str]) -> int:
            headers = {"authorization": f"Bearer {token}"}
            return httpx2.get(f"{address}{FEED}", params=query, headers=headers, timeout=20).status_code

        waiting = threading.Thread(
            target=lambda: answers.append(ask(limited, window(clock.now - HOUR, clock.now - 10 * MINUTE)))
        )
        with site.store.write():
            waiting.start()
            time.sleep(0.3)
            assert ask(free, ALL_TIME) == 200
            assert answers == []
        waiting.join()
    assert answers == [200]
