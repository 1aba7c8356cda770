"""One call with its legs, and the records it is made of."""

from __future__ import annotations

import msgspec
import pytest

from call_ids import call_uuid
from factories import OTHER_ORG
from integration.server.calls.reception import ANNA, BRUNO, LIST, Reception, one
from ringback.server.tokens import HISTORY_ADMIN_SCOPE
from serving import ADDRESS, wire


def test_a_call_with_its_legs(here: Reception) -> None:
    """A call is what the list has of it, and of each of its records the values that are set, in order of release."""
    shared = {"Correlation ID": "C"}
    here.add(
        here.incoming("b", 9, {**shared, "Answered elsewhere": "Yes", "Hold duration": ""}, user=BRUNO),
        here.incoming("a", 10, shared),
    )
    listed = one(here.ask(LIST))
    call = here.ask(f"{LIST}/{listed['id']}").json
    legs = call.pop("legs")
    assert call == listed
    assert [leg["record_id"] for leg in legs] == call["report_ids"] == ["a", "b"]
    assert legs[0]["start_time"] == call["start"]
    assert (legs[0]["answered"], legs[0]["duration"], legs[0]["hold_duration"]) == (True, 30, 0)
    assert legs[1]["answered_elsewhere"] is True
    assert not {"org", "answered_elsewhere", "released_by"} & legs[0].keys()
    assert "hold_duration" not in legs[1]


def test_a_merged_call_leads_to_the_one_it_is_part_of(here: Reception) -> None:
    """The id of a call that was merged is a permanent redirect, however often that one was merged again."""
    here.add(here.incoming("a", 9, {"Local call ID": "1:0"}))
    here.add(here.incoming("b", 8, {"Local call ID": "2:0"}))
    here.add(here.incoming("c", 7, {"Related call ID": "2:0"}))
    here.add(here.incoming("b", 8, {"Local call ID": "2:0", "Related call ID": "1:0", "Releasing party": "Local"}))
    assert here.ids() == here.of("a")
    for gone in here.of("b", "c"):
        for method in ("GET", "HEAD"):
            reply = here.site.ask(f"{LIST}/{gone}", here.admin, method=method)
            assert (reply.status, reply.body) == (308, b"")
            assert reply.headers["location"] == f"{ADDRESS}{LIST}/{here.of('a')[0]}"
    assert here.ask(reply.headers["location"]).json["report_ids"] == ["a", "b", "c"]


@pytest.mark.parametrize("id", [str(call_uuid("x")), "none", "0" * 32, "%00", "é"])
def test_no_such_call(here: Reception, id: str) -> None:
    """An id that leads to no call is a 404, whatever it looks like."""
    here.add(here.incoming("a", 1))
    reply = here.ask(f"{LIST}/{id}")
    assert (reply.status, "no such call" in reply.message) == (404, True)


def test_a_record_with_its_revisions(here: Reception) -> None:
    """A record has all its versions, the current one first, each with its bytes as they came, and its call's id."""
    old, other = here.missed("a", 5), here.incoming("b", 4)
    new = old.replace(b'"Answered":"false"', b'"Answered": "TRUE"').replace(b"T01:01", b"T01:02")
    here.add(old, other)
    here.site.clock.now += 1000
    here.add(new)
    reply = here.ask("/v1/records/a")
    record = reply.json
    assert (record["id"], record["call"]) == ("a", *here.of("a"))
    assert [(each["sequence"], each["superseded_by"]) for each in record["revisions"]] == [(3, None), (1, 3)]
    now = here.site.clock.now
    assert [each["stored"] for each in record["revisions"]] == [wire(now), wire(now - 1000)]
    assert [each["raw"] for each in record["revisions"]] == [msgspec.json.decode(new), msgspec.json.decode(old)]
    assert new in reply.body
    assert old in reply.body


def test_a_record_that_is_in_no_call_yet(here: Reception) -> None:
    """A record that was stored just now is there, and its call is not known yet."""
    here.site.append(here.incoming("a", 1))
    assert here.ask("/v1/records/a").json["call"] is None


@pytest.mark.parametrize("id", ["b", "A", "%20a", "é"])
def test_no_such_record(here: Reception, id: str) -> None:
    """Record ids are opaque and compared exactly; one that is none is a 404."""
    here.add(here.incoming("a", 1))
    assert here.ask("/v1/records/a").status == 200
    reply = here.ask(f"/v1/records/{id}")
    assert (reply.status, reply.message) == (404, "There is no record with this id.")


# Who may


def test_what_a_user_may_see(here: Reception) -> None:
    """A user sees the calls in which that user took part, of their legs only the own ones, and nothing else."""
    here.add(here.incoming("a", 3, {"Correlation ID": "C"}), here.incoming("b", 2, {"Correlation ID": "C"}, user=BRUNO))
    here.add(here.incoming("c", 1, user=BRUNO))
    anna, bruno = here.site.token(user=ANNA), here.site.token(user=BRUNO)
    assert here.ids(token=anna) == here.ids(f"/v1/users/{ANNA}/calls", anna) == here.of("a")
    assert here.ids(token=bruno) == here.ids() == here.of("c", "a")
    assert here.ids(token=anna, user=BRUNO) == here.of("a"), "those of both"
    assert here.ids(token=anna, user="somebody") == []
    assert here.ask(LIST, anna, count="true").json["count"] == 1
    call = here.ask(f"{LIST}/{here.of('a')[0]}", anna).json
    assert [leg["record_id"] for leg in call["legs"]] == ["a"]
    assert [each["user_id"] for each in call["participants"]] == [None, ANNA, BRUNO]
    assert here.ask(f"{LIST}/{here.of('b')[0]}", anna).status == 308
    assert here.ask(f"{LIST}/{here.of('c')[0]}", anna).status == 404
    for path in (f"/v1/users/{BRUNO}/calls", "/v1/records/a", "/v1/changes"):
        assert here.ask(path, anna).status == 403


def test_a_merged_call_of_others_tells_nothing(here: Reception) -> None:
    """Who took no part in the call that an id leads to is not told that it leads anywhere."""
    here.add(here.incoming("a", 3, {"Correlation ID": "C"}), here.incoming("b", 2, {"Correlation ID": "C"}))
    assert here.ask(f"{LIST}/{here.of('b')[0]}", here.site.token(user=BRUNO)).status == 404


PATHS = (LIST, f"{LIST}/{{call}}", f"/v1/users/{ANNA}/calls", "/v1/records/a", "/v1/changes")


@pytest.mark.parametrize("path", PATHS)
def test_who_may(here: Reception, path: str) -> None:
    """Each path wants a token with the right scope, takes GET and HEAD only, and shows nothing of another org."""
    here.add(here.incoming("a", 1))
    path = path.format(call=here.of("a")[0])
    site = here.site
    assert here.ask(path).status == 200
    assert site.ask(path).status == 401
    assert site.ask(path, site.token()).status == 403, "a token for records"
    assert site.ask(path, site.token(user=ANNA, scopes=["spark:calls_write"])).status == 403
    assert site.ask(path, here.admin, method="POST").status == 405
    other = site.ask(path, site.token(org=OTHER_ORG, scopes=[HISTORY_ADMIN_SCOPE]))
    assert other.status == 404 or other.json["items"] == []
