"""Where the token comes from, and what happens when it is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from factories import wire_record
from ringback.cdr import NotAllowed, RestSession, Tokens, UsageError, WebexSimpleApi
from unit.clients.cloud import HOST, Serve, Way, World, ids, in_turn, no_pace, page, refusal


def cloud_with_tokens(*accepted: set[str]) -> Serve:
    """A server with a page for each set of tokens: the page is given to a token of its set."""
    shown = 0

    def serve(request: httpx2.Request) -> httpx2.Response:
        nonlocal shown
        if request.headers["authorization"].removeprefix("Bearer ") not in accepted[shown]:
            return refusal(401, "expired")
        shown += 1
        return page(wire_record(f"r{shown}"), link=f"{HOST}/{shown}" if shown < len(accepted) else "")

    return serve


def used(world: World) -> list[str]:
    """The tokens of the requests."""
    return [request.headers["authorization"].removeprefix("Bearer ") for request in world.requests]


def counting() -> Callable[[], str]:
    """A function that gives a new token each time."""
    numbers = iter(range(1, 100))
    return lambda: f"token-{next(numbers)}"


def test_a_token_that_ends_in_mid_paging(way: Way, world: World) -> None:
    """When the token ends between two pages, a new one is got and the same page asked for: none is lost or repeated."""
    serve = cloud_with_tokens({"token-1"}, {"token-1"}, {"token-2"}, {"token-2"})
    assert ids(way.read(serve, tokens=counting(), session=no_pace())) == ["r1", "r2", "r3", "r4"]
    assert used(world) == ["token-1", "token-1", "token-1", "token-2", "token-2"]
    assert world.urls[2] == world.urls[3]


def test_refresh_gets_the_refused_token(way: Way, world: World) -> None:
    """A refresh function is told which token was refused; what it gives is used from then on."""
    serve = cloud_with_tokens({"old"}, {"old+"}, {"old+"})
    session = no_pace() | {"refresh": lambda refused: refused + "+"}
    assert ids(way.read(serve, tokens="old", session=session)) == ["r1", "r2", "r3"]
    assert used(world) == ["old", "old", "old+", "old+"]


def test_a_token_that_was_refused_is_never_used_again(way: Way, world: World) -> None:
    """When the token that followed the given one ends as well, the next one is got, and neither comes back."""
    serve = cloud_with_tokens({"old"}, {"old+"}, {"old++"}, {"old+++"}, {"old+++"})
    session = no_pace() | {"refresh": lambda refused: refused + "+"}
    assert ids(way.read(serve, tokens="old", session=session)) == ["r1", "r2", "r3", "r4", "r5"]
    assert used(world) == ["old", "old", "old+", "old+", "old++", "old++", "old+++", "old+++"]


def test_coroutine_functions(world: World) -> None:
    """In the asynchronous API, the functions for the token may be coroutine functions."""

    async def first() -> str:
        await asyncio.sleep(0)
        return "first"

    async def second(refused: str) -> str:
        return f"after-{refused}"

    serve = cloud_with_tokens({"first"}, {"after-first"})
    way = Way(world, asynchronous=True)
    assert ids(way.read(serve, tokens=first, session=no_pace() | {"refresh": second})) == ["r1", "r2"]
    with pytest.raises(UsageError, match="asynchronous"):
        Way(world, asynchronous=False).read(serve, tokens=first)


@pytest.mark.parametrize(
    "make", [lambda text: Tokens(access_token=text), lambda text: SimpleNamespace(access_token=text)]
)
def test_objects_with_a_token(way: Way, world: World, make: Callable[[str], Any]) -> None:
    """A token that is changed in the object it came from is used from the next request on."""
    tokens = make("one")

    def change(_: httpx2.Request) -> httpx2.Response:
        tokens.access_token = "two"
        return page(wire_record("r1"), link=f"{HOST}/2")

    way.read(in_turn(change, page()), tokens=tokens, session=no_pace())
    assert used(world) == ["one", "two"]


@pytest.mark.parametrize("tokens", ["fixed", lambda: "fixed"], ids=["text", "function"])
def test_without_another_token_it_ends(way: Way, world: World, tokens: Any) -> None:
    """If the refused token is the only one there is, it is not sent again."""
    with pytest.raises(NotAllowed, match=r"401.*no other"):
        way.read(cloud_with_tokens(set()), tokens=tokens, session=no_pace())
    assert len(world.requests) == 1


def test_tokens_are_not_renewed_for_ever(way: Way, world: World) -> None:
    """A server that refuses every new token ends in an error, not in a loop."""
    with pytest.raises(NotAllowed):
        way.read(cloud_with_tokens(set()), tokens=counting(), session=no_pace())
    assert used(world) == ["token-1", "token-2", "token-3"]


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token, the one in WEBEX_ACCESS_TOKEN is used; without that, the error names the variable."""
    monkeypatch.delenv("WEBEX_ACCESS_TOKEN", raising=False)
    with pytest.raises(UsageError, match="WEBEX_ACCESS_TOKEN"):
        WebexSimpleApi()
    monkeypatch.setenv("WEBEX_ACCESS_TOKEN", "from-there")
    with WebexSimpleApi() as api:
        assert api.access_token == "from-there"


@pytest.mark.parametrize(
    "broken", ["secret\n", "sec ret", "secret\u00e9", ""], ids=["line end", "space", "letter", "empty"]
)
def test_what_cannot_be_a_token(broken: str) -> None:
    """A text that cannot be sent as a token is refused before it is sent, and is not in the message."""
    with pytest.raises(UsageError) as caught:
        list(WebexSimpleApi(tokens=lambda: broken).cdr.get_cdr_history())
    assert "sec" not in str(caught.value)


def test_tokens_are_not_shown() -> None:
    """Neither the session nor its tokens show the token when they are printed."""
    tokens = Tokens(access_token="hush")
    with WebexSimpleApi(tokens=tokens) as api:
        assert "hush" not in repr((tokens, api, api.session, vars(api.session)["_source"]))


def test_threads_renew_once() -> None:
    """When several threads meet the end of a token at once, one gets the new one and all use it."""
    calls = []
    barrier = threading.Barrier(4)

    def renew() -> str:
        calls.append(1)
        return f"token-{len(calls)}"

    def serve(request: httpx2.Request) -> httpx2.Response:
        if request.headers["authorization"] == "Bearer token-1":
            barrier.wait(10)
            return refusal(401)
        return page(wire_record())

    client = httpx2.Client(transport=httpx2.MockTransport(serve))
    with WebexSimpleApi(session=RestSession(tokens=renew, client=client, **no_pace())) as api:
        read: list[int] = []
        window = ("2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z")
        threads = [
            threading.Thread(target=lambda: read.append(len(list(api.cdr.get_cdr_history(*window))))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert (read, len(calls)) == ([1] * 4, 2)
