"""The page about calls defines each word that is told of a call, beside an example in which it is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from ringback.projections.calls.story.attempts import JOINING
from ringback.projections.calls.story.model import Direction, Outcome, Result, Story, What
from unit.projections.calls.scenarios import FOLDER, Row, read, tables

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "calls.md").read_text("utf-8")


def table(first: str) -> list[Row]:
    """The rows of the one table whose first column has this heading."""
    (rows,) = (rows for rows in tables(PAGE) if next(iter(rows[0])) == first)
    return rows


def words_of(story: Story, kind: str) -> set[str]:
    """All words of a kind that are told of a call."""
    words: dict[str, set[str]] = {
        "direction": {story.direction},
        "outcome": {story.outcome},
        "result": {each.result for each in story.participants},
        "step": {step.what for step in story.timeline},
    }
    return words[kind]


def examples() -> Iterator[tuple[str, str, str]]:
    """Each kind of word, each word of that kind on the page, and the file of its example."""
    for kind in ("direction", "outcome", "result", "step"):
        for row in table(kind):
            (file,) = re.findall(r"\(\.\./tests/scenarios/([\w-]+\.md)\)", row["example"])
            yield kind, row[kind], file


@pytest.mark.parametrize(
    ("kind", "words"),
    [("direction", Direction), ("outcome", Outcome), ("result", Result), ("step", What)],
)
def test_every_word_is_defined(kind: str, words: object) -> None:
    """The page defines just the words that a call can be told in."""
    assert sorted(row[kind] for row in table(kind)) == sorted(get_args(words))


def test_every_fact_is_defined() -> None:
    """The page defines just the facts that are told of a call, and each number among them."""
    facts = [name for row in table("fact") for name in row["fact"].split(", ")]
    assert sorted(facts) == sorted(Story.__struct_fields__)
    assert {row["number"] for row in table("number")} == {name for name in facts if name.endswith("_seconds")}


@pytest.mark.parametrize(("kind", "word", "file"), list(examples()))
def test_every_word_has_an_example(kind: str, word: str, file: str) -> None:
    """The example that stands beside a word is a scenario of a call that is told in that word."""
    assert any(word in words_of(story, kind) for story in read(FOLDER / file).stories())


def test_every_link_has_an_example() -> None:
    """The example of a link is a scenario of one call that needs more than one record."""
    for row in table("link"):
        for file in re.findall(r"scenarios/([\w-]+\.md)", row["example"]):
            scenario = read(FOLDER / file)
            assert len(scenario.legs) > 1
            assert len(scenario.stories()) == 1


def test_features_are_steps() -> None:
    """The ways to enter a call of others are words of the timeline."""
    assert set(JOINING.values()) <= set(get_args(What))
