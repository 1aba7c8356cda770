"""The unmodified `@webex/calling` from npm works with a started server, and so does our own client: the same tests.

Each client of the SDK is a process of Node with the real SDK, the real Mercury plugin with its socket, and the real
HTTP library under `webex.request`; `javascript/harness.js` says what stands in for the rest of an app. Every test has
an organization of its own, with simulated calls, of which the test knows what really happened.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from zlib import crc32

import pytest

from conformance.javascript.client import (
    BROADWORKS,
    INTEGRITY,
    UCM,
    UNKNOWN,
    WEBEX_CALLING,
    CallingSdk,
    Device,
    install,
    packages,
)
from conformance.javascript.office import Front, Office, Service, both, owner_of_phone
from conformance.javascript.sessions import (
    DAYS,
    MANY,
    delete,
    history,
    ids,
    is_found,
    mark_of,
    moment,
    recent,
    update,
    viewed,
    wait_for,
)
from conformance.python_client import PythonClient
from processes import ringback, serving
from ringback.server.tokens import HISTORY_SCOPE
from ringback.store import Store

pytestmark = pytest.mark.slow

RECENT_EVENT = "callHistory:user_recent_sessions"
VIEWED_EVENT = "callHistory:user_viewed_sessions"
DELETED_EVENT = "callHistory:user_sessions_deleted"

ERRORS = {
    400: "400 Bad request",
    401: "User is unauthorised, possible token expiry",
    403: "User request is forbidden",
    404: "User info not found",
    408: "Request to the server timedout",
    409: "409 Exception has occurred",
    422: "422 Exception has occurred",
    429: "429 Exception has occurred",
    500: "Internal server error occurred",
    501: "Method is not implemented at the backend",
    503: "Unable to establish a connection with the server",
}
"""What the SDK makes of each status; of one that it does not know, see 409."""

SOMETHING = [{"endTime": "2026-03-02T12:00:00.000Z", "sessionId": "00000000-0000-4000-8000-000000000001"}]
METHODS: Mapping[str, Sequence[object]] = {
    "getCallHistoryData": (DAYS, MANY),
    "updateMissedCalls": (SOMETHING,),
    "deleteCallHistoryRecords": (SOMETHING,),
}
"""The methods of the SDK, with arguments for a call where only the status of the answer matters."""

every_method = pytest.mark.parametrize("method", METHODS)


Client = CallingSdk | PythonClient


class MakeOffice(Protocol):
    """Makes the organization of a test."""

    def __call__(self, *kinds: str) -> Office: ...


class Start(Protocol):
    """Starts a client of a user, with a token of its own unless one is given."""

    def __call__(
        self, office: Office, user: str, device: Device = ..., *, address: str | None = ..., token: str | None = ...
    ) -> Client: ...


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest) -> Path:
    """Where the packages from npm are: in the cache of pytest, since they are eighty megabytes."""
    cache = request.config.cache
    assert cache is not None
    return install(cache.mkdir("npm"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server with two web processes, so that a request and a connection need not meet in one."""
    data = tmp_path_factory.mktemp("calling-sdk") / "data"
    store = Store.open(data)
    try:
        with serving(data, "--workers", "2") as server:
            yield Service(server, data, store)
    finally:
        store.close()


@pytest.fixture
def make_office(service: Service, request: pytest.FixtureRequest) -> MakeOffice:
    """Organizations that no other test has, and the same each time."""

    def make(*kinds: str) -> Office:
        return Office(service, crc32(request.node.name.encode()), kinds)

    return make


@pytest.fixture(params=["javascript", "python"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts clients of one kind, and ends them after the test."""
    with contextlib.ExitStack() as running:

        def begin(
            office: Office,
            user: str,
            device: Device = WEBEX_CALLING,
            *,
            address: str | None = None,
            token: str | None = None,
        ) -> Client:
            server, text = address or office.address, office.token(user) if token is None else token
            if request.param == "python":
                return running.enter_context(PythonClient(server, text, device, user, str(office.org)))
            installed: Path = request.getfixturevalue("installed")
            number = len(list(tmp_path.glob("client-*.log")))
            log = tmp_path / f"client-{number}.log"
            client = CallingSdk(installed, log, server, text, device, user, str(office.org))
            return running.enter_context(client).start()

        yield begin


def test_sdk_is_the_published_one(installed: Path) -> None:
    """What is installed has the versions and digests that were published."""
    assert packages(installed, INTEGRITY) == INTEGRITY
    wanted = json.loads((installed / "package.json").read_bytes())["dependencies"]
    assert wanted == {name: version for name, (version, _) in INTEGRITY.items()}


# History


def test_history_is_in_the_order_of_end_times(make_office: MakeOffice, start: Start) -> None:
    """The SDK gets one session for each call of the user, by end time, the newest or the oldest first as it asks."""
    office = make_office("internal", "unanswered_internal", "rejected", "pstn_in", "pstn_out")
    user = office.busiest()
    calls = office.calls_of(user)
    office.report(*office.calls)
    client = start(office, user)
    wait_for(client, len(calls))
    oldest_first = history(client, DAYS, MANY, "ASC", "endTime")
    assert ids(history(client, DAYS, MANY, "DESC", "endTime")) == ids(oldest_first)[::-1]
    assert [moment(session, "endTime") for session in oldest_first] == [office.end_of(call) for call in calls]
    assert [session["direction"] for session in oldest_first] == [
        "OUTGOING" if call.truth.first_caller.user_uuid == user else "INCOMING" for call in calls
    ]
    assert len(set(ids(oldest_first))) == len(calls)
    assert {session["self"]["id"] for session in oldest_first} == {user}
    assert {session["sessionType"] for session in oldest_first} == {"WEBEXCALLING"}
    base = f"{office.address}/janus/api/v1/history/userSessions"
    assert [session["url"] for session in oldest_first] == [f"{base}/{one}" for one in ids(oldest_first)]


def test_history_can_be_sorted_by_start_time(make_office: MakeOffice, start: Start) -> None:
    """Sorted by start time, which the SDK does itself, the sessions are the same, in the order of their starts."""
    office = make_office("internal", "unanswered_internal")
    user = office.busiest()
    office.report(*office.calls)
    client = start(office, user)
    by_end = wait_for(client, len(office.calls_of(user)))
    by_start = history(client, DAYS, MANY, "ASC", "startTime")
    assert by_start == sorted(by_end, key=lambda session: moment(session, "startTime"))
    assert history(client, DAYS, MANY, "DESC", "startTime") == by_start[::-1]


def test_limit_takes_the_newest(make_office: MakeOffice, start: Start) -> None:
    """With a limit, the SDK gets the sessions that ended last."""
    office = make_office("internal")
    user = office.busiest()
    office.report(*office.calls)
    client = start(office, user)
    everything = wait_for(client, len(office.calls_of(user)))
    assert len(everything) > 3
    assert history(client, DAYS, 3) == everything[:3]


def test_history_begins_so_many_days_ago(make_office: MakeOffice, start: Start) -> None:
    """The SDK gets nothing that is older than the days it asks for, as all calls of yesterday are."""
    office = make_office("internal")
    user = office.busiest()
    office.report(*office.calls)
    client = start(office, user)
    wait_for(client, len(office.calls_of(user)))
    assert history(client, 0) == []


ANSWERS = {
    "internal": ({"ANSWERED", "INITIATED"}, {"ANSWERED", "INITIATED"}),
    "unanswered_internal": ({"CANCELED", "INITIATED"}, {"MISSED"}),
    "rejected": ({"CANCELED", "INITIATED"}, {"REJECTED", "MISSED", "CANCELED"}),
}
"""Kind of call, and the dispositions that the SDK's own end-to-end tests allow for its caller and for who is called."""


@pytest.mark.parametrize("kind", ANSWERS)
def test_both_parties_have_what_the_end_to_end_tests_of_the_sdk_demand(
    make_office: MakeOffice, start: Start, kind: str
) -> None:
    """Caller and called each have a session, with an allowed disposition, the other's number, and times that fit."""
    office = make_office(kind)
    call = office.between_users(kind)
    office.report(call)
    caller, called = both(call)
    sides = (
        (caller, called, "OUTGOING", ANSWERS[kind][0]),
        (called, caller, "INCOMING", ANSWERS[kind][1]),
    )
    for user, counterpart, direction, dispositions in sides:
        (session,) = wait_for(start(office, user), 1)
        assert session["direction"] == direction
        assert session["disposition"] in dispositions
        assert any(is_found(session, number) for number in office.numbers(counterpart)), session
        span = moment(session, "endTime") - moment(session, "startTime")
        assert span >= timedelta(0)
        assert abs(timedelta(seconds=session["durationSeconds"]) - span) <= timedelta(minutes=2)


@pytest.mark.parametrize(
    ("device", "gets_shared"),
    [(WEBEX_CALLING, True), (BROADWORKS, False), (UCM, False), (UNKNOWN, False)],
    ids=["webex-calling", "broadworks", "ucm", "unknown"],
)
def test_sessions_of_shared_lines_are_for_webex_calling(
    make_office: MakeOffice, start: Start, device: Device, gets_shared: bool
) -> None:
    """A call on somebody else's line that a phone of the user has too is there for the Webex Calling backend only."""
    office = make_office("shared_line", "internal")
    shared_calls = (call for call in office.calls if call.truth.kind == "shared_line")
    call = next(call for call in shared_calls if owner_of_phone(call) not in both(call))
    user = owner_of_phone(call)
    own = [call for call in office.calls_of(user) if call.truth.kind == "internal"]
    office.report(call, *own)
    client = start(office, user)
    everything = wait_for(client, len(own) + 1)
    (shared,) = (session for session in everything if session["sessionType"] == "WEBEXCALLING_SHARED")
    client.switch(device)
    left = [session for session in everything if gets_shared or session != shared]
    assert history(client) == left


def test_ucm_lines(service: Service, make_office: MakeOffice, start: Start, tmp_path: Path) -> None:
    """For the UCM backend only, sessions on a line that an administrator has given say which of the phone's it is."""
    office = make_office("internal")
    user = office.busiest()
    file = tmp_path / "people.csv"
    file.write_text(
        "user_id,ucm_device,ucm_position,ucm_number\n"
        f"{user},SEP00005E005301,1,{office.extension(user)}9\n"
        f"{user},SEP00005E005301,2,{office.extension(user)}\n"
    )
    ringback("people", "import", file, "--org", str(office.org), "--data", service.data).ok()
    office.report(*office.calls)
    client = start(office, user, UCM)
    sessions = wait_for(client, len(office.calls_of(user)))
    assert {session["self"]["cucmDN"] for session in sessions} == {office.extension(user)}
    assert {session["self"]["ucmLineNumber"] for session in sessions} == {2}
    client.switch(WEBEX_CALLING)
    assert [session for session in history(client) if "ucmLineNumber" in session["self"]] == []


# Marks and events


def test_what_one_device_reads_the_others_are_told(make_office: MakeOffice, start: Start) -> None:
    """Marking sessions as read tells every device of the user which, shows them as read, and tells nobody else."""
    office = make_office("unanswered_internal")
    call = office.between_users("unanswered_internal")
    caller, user = both(call)
    office.report(*office.calls)
    one, other, stranger = (start(office, who) for who in (user, user, caller))
    sessions = wait_for(one, len(office.calls_of(user)))
    foreign = wait_for(stranger, len(office.calls_of(caller)))
    for client in (one, other, stranger):
        client.connect()
    assert "isRead" not in sessions[0]
    update(one, sessions[0], sessions[1])
    for client in (one, other):
        assert sorted(viewed(client.expect(VIEWED_EVENT))) == sorted(ids(sessions[:2]))
    assert history(other) == [{**session, "isRead": True} for session in sessions[:2]] + sessions[2:]
    update(stranger, foreign[0])  # had there been anything else for this client, it would come before this
    assert viewed(stranger.expect(VIEWED_EVENT)) == ids(foreign[:1])
    assert history(stranger)[1:] == foreign[1:]


def test_end_time_is_not_needed_to_find_a_session(make_office: MakeOffice, start: Start) -> None:
    """A session is marked as read also where the app has no end time that the SDK can read, so that it sends none."""
    office = make_office("unanswered_internal")
    call = office.between_users("unanswered_internal")
    office.report(call)
    client = start(office, both(call)[1])
    (session,) = wait_for(client, 1)
    update(client, {**session, "endTime": "yesterday"})
    assert history(client) == [{**session, "isRead": True}]


def test_what_one_device_deletes_is_gone_on_all(make_office: MakeOffice, start: Start) -> None:
    """Deleting sessions tells every device of the user which, and they are gone; the other party keeps theirs."""
    office = make_office("internal")
    call = office.between_users("internal")
    caller, user = both(call)
    office.report(*office.calls)
    one, other, stranger = (start(office, who) for who in (user, user, caller))
    sessions = wait_for(one, len(office.calls_of(user)))
    foreign = wait_for(stranger, len(office.calls_of(caller)))
    for client in (one, other, stranger):
        client.connect()
    delete(one, sessions[1])
    for client in (one, other):
        envelope = client.expect(DELETED_EVENT)
        assert envelope["data"] == {"eventType": "janus.user_sessions_deleted", "deletedSessions": ids(sessions[1:2])}
        assert history(client) == sessions[:1] + sessions[2:]
    delete(stranger, foreign[0])
    assert stranger.expect(DELETED_EVENT)["data"]["deletedSessions"] == ids(foreign[:1])
    assert history(stranger) == foreign[1:]


def test_new_call_comes_to_all_devices(make_office: MakeOffice, start: Start) -> None:
    """Once a call is stored, each device of both parties is told of their session, as it is in the history."""
    office = make_office("internal")
    call = office.between_users("internal")
    caller, called = both(call)
    clients = [start(office, who).connect() for who in (caller, caller, called)]
    office.report(call)
    one, other, callee = envelopes = [client.expect(RECENT_EVENT) for client in clients]
    assert one == other
    assert one["id"] != callee["id"]
    assert recent(one)["direction"] == "OUTGOING"
    assert recent(callee)["direction"] == "INCOMING"
    for client, envelope in zip(clients, envelopes, strict=True):
        assert history(client) == [recent(envelope)]


def test_each_event_tells_of_one_session(make_office: MakeOffice, start: Start) -> None:
    """When many calls are stored at once, a device gets one event for each of its sessions, and no more."""
    office = make_office("internal", "unanswered_internal")
    user = office.busiest()
    count = len(office.calls_of(user))
    client = start(office, user).connect()
    office.report(*office.calls)
    told = [recent(client.expect(RECENT_EVENT)) for _ in range(count)]
    sessions = history(client)
    assert sorted(ids(told)) == sorted(ids(sessions))
    update(client, sessions[0])
    assert viewed(client.expect(VIEWED_EVENT)) == ids(sessions[:1])


def test_meetings_come_by_the_older_name(make_office: MakeOffice, start: Start) -> None:
    """A meeting is in the history as a session of type SPARK, of which devices are told as `janus.user_sessions`."""
    office = make_office("meeting")
    call = office.calls[0]
    user = call.truth.first_caller.user_uuid or ""
    client = start(office, user).connect()
    office.report(call)
    session = recent(client.expect(RECENT_EVENT), "janus.user_sessions")
    assert session["sessionType"] == "SPARK"
    assert history(client) == [session]


def test_unknown_sessions_change_nothing(make_office: MakeOffice, start: Start) -> None:
    """Marking sessions that the user does not have succeeds, changes nothing, and tells no one."""
    office = make_office("internal")
    call = office.between_users("internal")
    caller, user = both(call)
    office.report(call)
    (foreign,) = wait_for(start(office, caller), 1)
    client = start(office, user).connect()
    sessions = wait_for(client, 1)
    unknown = ({**foreign, "sessionId": text} for text in (str(office.org), "no-such-session", ""))
    for marks in ([foreign, *unknown], []):
        update(client, *marks)
        delete(client, *marks)
    assert history(client) == sessions
    update(client, *sessions)
    assert viewed(client.expect(VIEWED_EVENT)) == ids(sessions)


def test_client_finds_a_restarted_server(make_office: MakeOffice, start: Start, tmp_path: Path) -> None:
    """When a server is told to stop, its clients come back by themselves to the one that is started in its place."""
    data = tmp_path / "data"
    store = Store.open(data)
    try:
        with serving(data) as before:
            office = Office(Service(before, data, store), 7, ["internal"])
            call = office.between_users("internal")
            client = start(office, both(call)[0]).connect()
            port = before.port
            before.stop()
        client.expect("mercury:offline.transient")
        with serving(data, port=port):
            client.expect("mercury:online")
            office.report(call)
            assert recent(client.expect(RECENT_EVENT))["direction"] == "OUTGOING"
    finally:
        store.close()


# Errors


@pytest.fixture
def front(service: Service) -> Iterator[Front]:
    """A server before the server."""
    front = Front(service.server.address)
    yield front
    front.close()


@every_method
def test_every_error_has_its_words(make_office: MakeOffice, start: Start, front: Front, method: str) -> None:
    """Each status resolves to the SDK's own words for it, and the next call that the server answers is a success."""
    office = make_office("internal")
    client = start(office, office.busiest(), address=front.address)
    for status, words in ERRORS.items():
        front.status = status
        answer = client.call(method, *METHODS[method])
        assert answer == {"statusCode": status, "data": {"error": words}, "message": "FAILURE"}
        front.status = None
        assert client.call(method, *METHODS[method])["message"] == "SUCCESS"


@every_method
def test_server_that_is_not_there(make_office: MakeOffice, start: Start, front: Front, method: str) -> None:
    """Where nobody answers, every method resolves to the words of status 422."""
    office = make_office("internal")
    client = start(office, office.busiest(), address=front.address)
    front.close()
    answer = client.call(method, *METHODS[method])
    assert answer == {"statusCode": 422, "data": {"error": ERRORS[422]}, "message": "FAILURE"}


@every_method
def test_wrong_token(make_office: MakeOffice, start: Start, method: str) -> None:
    """With a token that the server does not know, every method resolves to the words of status 401."""
    office = make_office("internal")
    client = start(office, office.busiest(), token="rb_unknown")
    answer = client.call(method, *METHODS[method])
    assert answer == {"statusCode": 401, "data": {"error": ERRORS[401]}, "message": "FAILURE"}


def test_wrong_token_at_mercury(make_office: MakeOffice, start: Start) -> None:
    """With a token that the server does not know, Mercury is refused in the way that makes it ask for a new one."""
    office = make_office("internal")
    client = start(office, office.busiest(), token="rb_unknown")
    client.knock()
    client.expect("credentials:refresh")


def test_more_than_the_server_gives_at_once(make_office: MakeOffice, start: Start) -> None:
    """Asked for more sessions than the server gives at once, the SDK resolves to the words of status 400."""
    office = make_office("internal")
    client = start(office, office.busiest())
    answer = client.call("getCallHistoryData", DAYS, 2000)
    assert answer == {"statusCode": 400, "data": {"error": ERRORS[400]}, "message": "FAILURE"}


def test_token_that_may_only_read(make_office: MakeOffice, start: Start) -> None:
    """With a token that may only read, the history is there, and changing it resolves to the words of status 403."""
    office = make_office("internal")
    call = office.between_users("internal")
    user = both(call)[0]
    office.report(call)
    client = start(office, user, token=office.token(user, HISTORY_SCOPE))
    sessions = wait_for(client, 1)
    for method in ("updateMissedCalls", "deleteCallHistoryRecords"):
        answer = client.call(method, [mark_of(session) for session in sessions])
        assert answer == {"statusCode": 403, "data": {"error": ERRORS[403]}, "message": "FAILURE"}
    assert history(client) == sessions
