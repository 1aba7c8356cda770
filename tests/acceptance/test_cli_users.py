"""The commands for users: their tokens, and lists of people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from factories import make_record
from processes import ringback
from ringback.commands.common import utc_now
from ringback.ledger import SqlLedger
from ringback.server.tokens import ADMIN_SCOPES, USER_SCOPES, Tokens
from ringback.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The directory of a store with one record, so with one organization."""
    directory = tmp_path / "data"
    opened = Store.open(directory)
    SqlLedger(opened, utc_now).append([make_record()])
    opened.close()
    return directory


def test_a_user_has_a_token_of_their_own(store: Path) -> None:
    """A token with --user is that user's, with a user's scopes and no others; the list says whose it is."""
    token = ringback("token", "create", "--user", "user-1", "--data", store).ok()
    opened = Store.open(store)
    known = Tokens(opened, utc_now).authenticate(token.text.strip())
    opened.close()
    assert known is not None
    assert (known.user, known.scopes) == ("user-1", USER_SCOPES)
    assert "user user-1 of org" in token.errors
    assert re.search(r" user-1 +documented", ringback("token", "list", "--data", store).ok().text)
    refused = ringback("token", "create", "--user", "u", "--scope", ADMIN_SCOPES[0], "--data", store).failed()
    assert "for a token of a user" in refused


def test_people_are_taken_row_by_row(store: Path, tmp_path: Path) -> None:
    """The rows of a list of people that can be used are taken; each other one is named with its line and the reason."""
    file = tmp_path / "people.csv"
    file.write_text("\ufeffUser_ID,Name,Extension\nu1,Ann,101\n,Nobody,102\nu3,Cy,none\nu4,Di,\n", encoding="utf-8")
    done = ringback("people", "import", file, "--data", store)
    assert done.code == 1
    assert "2 people" in done.text
    assert "line 3: user_id is empty" in done.errors
    assert "line 4: 'none' is no number" in done.errors


def test_people_whose_rows_contradict_each_other(store: Path, tmp_path: Path) -> None:
    """A row with too many cells, or with a number that is somebody else's, is named; the others are taken."""
    file = tmp_path / "people.csv"
    file.write_text("user_id,name,number\nu1,Lind, Anna,101\nu2,Bo,102\nu3,Cy,(1)02\n")
    done = ringback("people", "import", file, "--data", store)
    assert (done.code, "1 people" in done.text) == (1, True)
    assert "line 2: it has more cells" in done.errors
    assert "line 4: (1)02 is already that of u2" in done.errors


def test_a_user_must_be_named(store: Path) -> None:
    """An empty --user is no administrator's token by accident."""
    assert "--user needs the UUID" in ringback("token", "create", "--user", " ", "--data", store).failed()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "user_id among them"),
        ("user_id,name,name\n", "'name' is there twice"),
        ("user_id,shoe size\n", "Unknown column 'shoe size'"),
        ("name\nAnn\n", "user_id"),
    ],
)
def test_what_is_no_list_of_people_is_explained(store: Path, tmp_path: Path, content: str, says: str) -> None:
    """A file without the columns that are needed, or with unknown ones, is refused with the columns there are."""
    file = tmp_path / "people.csv"
    file.write_text(content)
    assert says in ringback("people", "import", file, "--data", store).failed()
