"""Sessions of every sort, and the lines of users with a UCM."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ringback.history import CallingSpecifics, OtherParty, RedirectionDetails, SelfParty, UserSession
from unit.clients.callhistory.service import Answer, Request, Service, asynchronous, client, history, session


async def read(given: list[Any], **arguments: Any) -> list[UserSession]:
    """What a client makes of these sessions."""
    async with Service().listening() as service, client(service, **arguments) as calls:
        service.answer = lambda _: (200, history(given))
        answer = await calls.get_call_history_data()
        assert answer.message == "SUCCESS"
        assert answer.data.raw["userSessions"] == given
        return answer.data.userSessions


@asynchronous
async def test_a_full_session() -> None:
    """A session has the attributes of the SDK's page, and the whole of it in `raw`."""
    details: dict[str, Any] = {
        "reason": "CALLQUEUE",
        "isPrivate": False,
        "name": "Support queue",
        "phoneNumber": "+12025550100",
    }
    given = session(callingSpecifics={"redirectionDetails": details}, isRead=True, extensionPayload={"ids": ["x"]})
    [read_one] = await read([given])
    assert read_one.raw == given
    assert read_one.self == SelfParty(id="user-1", name="Kim")
    assert read_one.other == OtherParty(id="+12025550101", isPrivate=False, callbackAddress="+12025550101")
    assert read_one.callingSpecifics == CallingSpecifics(redirectionDetails=RedirectionDetails(**details))
    assert (read_one.disposition, read_one.correlationIds, read_one.isRead) == ("MISSED", ("c1",), True)


ODD: dict[str, dict[str, Any]] = {
    "unknown values": {"sessionType": "HOLOGRAM", "disposition": "Forwarded", "direction": "SIDEWAYS"},
    "unknown keys": {"mood": "good", "raw": 5, "self": {"id": "u", "hat": True}},
    "nulls": {"isRead": None, "callingSpecifics": None, "other": None, "durationSeconds": None, "links": None},
    "other types": {"durationSeconds": "long", "correlationIds": "c1", "self": [], "participantCount": 2.5},
    "no details": {"callingSpecifics": {}},
    "odd details": {"callingSpecifics": {"redirectionDetails": {"reason": 5}}},
    "half of a party": {"other": {"name": "Ann", "email": 7}},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@asynchronous
async def test_odd_sessions(odd: dict[str, Any]) -> None:
    """An odd session is there with all that can be read of it, and so are its neighbours."""
    given = session("odd", **odd)
    sessions = await read([session("before"), given, session("after")])
    assert [one.sessionId for one in sessions] == ["before", "odd", "after"]
    assert sessions[1].raw == given
    assert sessions[0] == msgspec.convert(session("before") | {"raw": session("before")}, UserSession)


@asynchronous
async def test_what_is_read_of_odd_sessions() -> None:
    """What is missing or not of its type reads as nothing; what is right beside it is read."""
    odd = [session(**ODD[name]) for name in ("other types", "odd details", "half of a party")]
    one, two, three, four = await read([{"sessionId": "s"}, *odd])
    assert (one.id, one.durationSeconds, one.isDeleted, one.correlationIds, one.callingSpecifics) == (
        "",
        0,
        False,
        (),
        None,
    )
    assert (one.self, one.other.callbackAddress, one.links.callbackAddress) == (SelfParty(id=""), "", "")
    assert (two.durationSeconds, two.correlationIds, two.disposition) == (0, (), "MISSED")
    assert three.callingSpecifics == CallingSpecifics(redirectionDetails=RedirectionDetails(reason="", isPrivate=False))
    assert (await read([session(**ODD["no details"])]))[0].callingSpecifics is None
    assert four.other == OtherParty(id="", isPrivate=False, callbackAddress="", name="Ann")


@asynchronous
async def test_what_is_no_session_at_all() -> None:
    """Things in the list that are no objects are left out, and their neighbours stay."""
    assert [one.sessionId for one in await read([None, session("a"), 5, "text", [], session("b")])] == ["a", "b"]


UCM = {"calling_backend": "UCM_CALLING", "user_id": "user/1", "org_id": "org-1"}
LINES = {
    "devices": [
        {"name": "phone", "model": 503, "lines": [{"dnorpattern": "1001", "index": 1, "label": ""}]},
        {
            "name": "other",
            "model": 503,
            "lines": [{"dnorpattern": "1002", "index": 2}, {"dnorpattern": "1001", "index": 3}],
        },
    ]
}


async def numbers(*numbers: str | None, lines: Answer) -> tuple[list[int | None], list[str], int]:
    """The numbers that sessions with these lines get; the requests for lines; and how many were made in all."""

    def answer(request: Request) -> Answer:
        return lines if "/lines" in request.line else (200, history(given))

    given = [
        session(str(at), self={"id": "u"} | ({} if dn is None else {"cucmDN": dn})) for at, dn in enumerate(numbers)
    ]
    async with Service().listening() as service:
        service.answer = answer
        gateway = service.janus.removesuffix("/janus/api/v1") + "/"
        async with client(service, ucm_gateway=gateway, **UCM) as calls:
            result = await calls.get_call_history_data()
        assert (result.statusCode, result.message) == (200, "SUCCESS")
        asked = [request.line for request in service.requests if "/lines" in request.line]
        return [one.self.ucmLineNumber for one in result.data.userSessions], asked, len(service.requests)


@asynchronous
async def test_lines_of_a_ucm() -> None:
    """Each session gets the number of the line that has exactly its `cucmDN`; of two such lines the last counts."""
    found, asked, _ = await numbers("1001", None, "1002", "100", lines=(200, msgspec.json.encode(LINES)))
    assert found == [3, None, 2, None]
    assert asked == ["GET /v1/uc/config/people/user%2F1/lines?orgId=org-1 HTTP/1.1"]


@asynchronous
async def test_no_lines_are_asked_for_without_need() -> None:
    """If no session has a `cucmDN`, nobody asks for lines."""
    assert await numbers(None, "", lines=(200, msgspec.json.encode(LINES))) == ([None, None], [], 1)


@pytest.mark.parametrize(
    "lines",
    [
        (404, b""),
        (500, b""),
        (200, b"no JSON"),
        (200, b"{}"),
        (200, b'{"devices":[{}]}'),
        (202, b'{"devices":[]}'),
        None,
    ],
)
@asynchronous
async def test_lines_that_cannot_be_had(lines: Answer) -> None:
    """If the lines cannot be had or read, the history comes without their numbers."""
    assert (await numbers("1001", None, lines=lines))[0] == [None, None]
