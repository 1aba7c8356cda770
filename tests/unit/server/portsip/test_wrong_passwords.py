"""How wrong passwords are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringback.server.portsip.passwords import MOST_WRONG, MOST_WRONG_OF_ALL, WrongPasswords

WINDOW = 900_000
NOW = 1_772_500_000_000


def test_all_names_together() -> None:
    """When very many passwords were wrong, nobody may try until some of them are 15 minutes old."""
    wrong = WrongPasswords()
    for number in range(MOST_WRONG_OF_ALL):
        assert wrong.wait("somebody else", NOW + number) == 0
        wrong.add(f"name-{number}", NOW + number)
    assert wrong.wait("somebody else", NOW + MOST_WRONG_OF_ALL) == 899
    assert wrong.wait("somebody else", NOW + WINDOW - 1) == 1
    assert wrong.wait("somebody else", NOW + WINDOW) == 0
    wrong.add("somebody else", NOW + WINDOW)
    assert wrong.wait("somebody else", NOW + WINDOW) == 1


def test_a_clock_that_is_set_back() -> None:
    """When the clock is set back, nobody waits for it to come as far again."""
    wrong = WrongPasswords()
    for _ in range(MOST_WRONG):
        wrong.add("anna", NOW)
    assert wrong.wait("anna", NOW) == 900
    assert wrong.wait("anna", NOW - 1) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200_000), st.booleans()), max_size=80))
def test_never_more_than_allowed(tries: list[tuple[str, int, bool]]) -> None:
    """However tries come, no 15 minutes have more wrong ones for a name than are allowed, and no wait is too long."""
    wrong = WrongPasswords()
    now = NOW
    counted: dict[str, list[int]] = {"a": [], "b": []}
    for name, later, right in tries:
        now += later
        recent = [at for at in counted[name] if at > now - WINDOW]
        wait = wrong.wait(name, now)
        assert (wait == 0) == (len(recent) < MOST_WRONG)
        if wait:
            assert recent[-MOST_WRONG] + WINDOW - now <= wait * 1000 < recent[-MOST_WRONG] + WINDOW - now + 1000
        elif right:
            wrong.forget(name)
            counted[name] = []
        else:
            wrong.add(name, now)
            counted[name].append(now)
