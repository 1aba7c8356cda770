"""The page about the call history says what is done: each of its examples is worked out and compared."""

from __future__ import annotations

import itertools

import pytest

from ringback.server.history import DIRECTIONS, DISPOSITIONS
from unit.projections.history_page import PAGE, Example, examples, shown

ALL = examples()


@pytest.mark.parametrize("example", ALL, ids=[f"{number} {each.heading}" for number, each in enumerate(ALL, 1)])
def test_the_sessions_of_an_example_are_those_of_the_page(example: Example) -> None:
    """From the records of an example come just the sessions that the page shows, with the values it shows."""
    columns = [name for name in example.sessions[0] if name != "user"]
    made = example.made()
    told = [{"user": user} | {path: shown(session, path) for path in columns} for user, (_, session) in made.items()]
    assert sorted(told, key=str) == sorted(example.sessions, key=str)


def test_later_records_change_sessions_and_not_their_ids() -> None:
    """Where an example goes on with later records, each user's session keeps its id."""
    later = [(before, after) for before, after in itertools.pairwise(ALL) if after.goes_on]
    assert len(later) == 2
    for before, after in later:
        ids = {user: session for user, (session, _) in after.made().items()}
        assert ids.items() >= {user: session for user, (session, _) in before.made().items()}.items()


def test_every_rule_has_an_example() -> None:
    """Each heading below the explanation of the tables has an example, but for those that are not about records."""
    about_marks = {"The id", "Disposition", "Read, deleted, restored", "Making it anew", "How to read the examples"}
    headings = {line.lstrip("# ").replace("`", "") for line in PAGE.splitlines() if line.startswith("## ")} | {
        line.lstrip("# ") for line in PAGE.splitlines() if line.startswith("### ")
    }
    with_parts = {"What is missed, and what is not"}
    assert headings - about_marks - with_parts == {example.heading for example in ALL}


def test_every_word_of_direction_and_disposition_is_in_an_example() -> None:
    """All directions and dispositions that a session can have are shown."""
    rows = [row for example in ALL for row in example.sessions]
    words = {row.get(key, "") for row in rows for key in ("direction", "disposition")}
    assert words - {""} == {*DIRECTIONS, *DISPOSITIONS}
