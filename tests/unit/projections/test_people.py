"""What is learned of people and numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from factories import ORG
from ringback.projections.sessions.people import Directory, Holder, Person, digits, learn
from ringback.records.leg import Leg

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OUTSIDE = {"side": "terminating", "call_type": "SIP_INBOUND"}


def leg(user: str | None = None, **values: Any) -> Leg:
    """A leg with these values."""
    return msgspec.structs.replace(Leg(org=str(ORG), record_id="r", side=None, start_time=NOON), user_id=user, **values)


def learned(*legs: Leg, known: Directory | None = None) -> Directory:
    """What is known after some legs, one after the other."""
    known = known or Directory()
    for each in legs:
        learn(known, [each])
    return known


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("+1 (202) 555-0143", "12025550143"),
        ("12025550143", "12025550143"),
        ("mara@example.com", ""),
        ("sip:12025550143@example.com", ""),
        ("٣٤", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_number_in_any_spelling(number: str | None, kept: str) -> None:
    """Numbers are compared by their digits; addresses, and what has no digits, have none."""
    assert digits(number) == kept


def test_the_newest_name_wins() -> None:
    """A person who is called otherwise from some day on, has the new name; a record without a name takes none away."""
    known = learned(leg("ann", user_name="Ann Lee"), leg("ann", user_name="Ann Archer"), leg("ann"))
    assert known.person("ann") == Person("Ann Archer")


def test_whose_a_number_is() -> None:
    """A user has the number of the line, and the number shown on calls that the user made."""
    known = learned(
        leg("ann", user_number="101"),
        leg("bob", side="originating", calling_number="+12025550102"),
        leg("cem", side="terminating", calling_number="+12025550103"),
    )
    assert known.whose("101") == Holder("ann", "")
    assert known.whose("1 202 555 0102") == Holder("bob", "")
    assert known.whose("+12025550103") is None


@pytest.mark.parametrize(
    "values", [{"redirecting_user_id": "ann"}, {"device_owner_id": "bob"}], ids=["passed on", "on another phone"]
)
def test_a_number_shown_for_somebody_else_is_not_learned(values: dict[str, Any]) -> None:
    """A call passed on shows the caller's number, and one from a shared line that of the line: not the user's own."""
    shown = leg("ann", side="originating", calling_number="+12025550143", **values)
    assert learned(shown).whose("+12025550143") is None


def test_a_number_of_two_users_is_nobodys_for_ever() -> None:
    """An extension that exists twice names nobody, also when one of them is seen again, or the network shows a name."""
    both = learned(leg("ann", user_number="7000"), leg("bob", user_number="7000"))
    again = learned(
        leg("ann", user_number="7000"), leg(calling_number="7000", calling_name="Mara", **OUTSIDE), known=both
    )
    assert again.whose("7000") == Holder("", "")


def test_names_of_outside_numbers() -> None:
    """The network's newest name for a number outside holds, until the number turns out to be a user's."""
    mara = leg(calling_number="+12025550143", calling_name="Mara", **OUTSIDE)
    zoe = msgspec.structs.replace(mara, calling_name="Zoe")
    assert learned(mara, zoe).whose("+12025550143") == Holder("", "Zoe")
    own = leg("ann", user_number="+12025550143")
    assert learned(mara, own, zoe).whose("+12025550143") == Holder("ann", "")
    assert learned(leg(side="terminating", calling_number="101", calling_name="Mara")).whose("101") is None


def test_what_is_given_wins() -> None:
    """Records change nothing of what an administrator gave, and gateways teach nothing."""
    given = Directory({"ann": Person("Ann Archer", given=True)}, {"101": Holder("ann", "", True)})
    told = [leg("ann", user_name="A. Lee"), leg("bob", user_name="Bob", user_number="101")]
    known = learned(*told, leg("g", user_type="LocalGateway", user_name="Gate", user_number="9"), known=given)
    assert (known.person("ann"), known.whose("101")) == (Person("Ann Archer", given=True), Holder("ann", "", True))
    assert (known.person("g"), known.whose("9")) == (None, None)


def test_only_what_changed_is_new() -> None:
    """What is known already is not written again."""
    ann = leg("ann", user_name="Ann", user_number="101")
    known = Directory()
    assert learn(known, [ann]) == ({"ann": Person("Ann")}, {"101": Holder("ann", "")})
    assert learn(known, [ann, ann]) == ({}, {})
