"""Requests to a PBX one by one: at our rate, with the time of the PBX learned from each answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

import ringback
from ringback.clients.pace import Pace, RequestKind
from ringback.sources.collecting.clock import SourceClock, Time
from ringback.sources.collecting.kind import Sink, SourceAway

_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_ANSWER_SECONDS = 300.0
_LARGEST_ANSWER = 64 * 1024 * 1024
_LONGEST_CODE = 60


class NoAnswer(Exception):
    """No whole answer came."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask.

    Attributes:
        path: below the base address, such as `/calllogs`.
        query: of the address.
        json, form: the body, if there is one; one of them.
    """

    path: str
    method: str = "GET"
    query: Mapping[str, str] = {}
    json: Any = None
    form: Mapping[str, str] | None = None


class Answer(msgspec.Struct, frozen=True):
    """An answer that came whole.

    Attributes:
        headers: with names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def code(self) -> str:
        """The code of the first error in the body, such as `UNAUTHORIZED`; "" if there is none."""
        try:
            errors = msgspec.json.decode(self.body, type=_Errors).errors
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""
        return errors[0].code[:_LONGEST_CODE] if errors else ""

    def summary(self) -> str:
        """Status and code, for people."""
        return f"HTTP {self.status} {self.code()}".rstrip()


class _Error(msgspec.Struct):
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


class Gateway:
    """Sends requests. For one thread.

    Args:
        base_url: of the REST API.
        pace: for all requests; the first kind of it.
        clock: learns the time of the PBX from each answer.

    Attributes:
        sink: told of each request, and waits; set while a window is read.
    """

    def __init__(self, base_url: str, pace: Pace, time: Time, clock: SourceClock) -> None:
        self.sink: Sink | None = None
        self._base = base_url.rstrip("/")
        self._pace = pace
        self._time = time
        self._clock = clock
        self._closed = threading.Event()
        self._client = httpx2.Client(
            headers={"user-agent": f"ringback/{ringback.__version__}", "accept": "application/json"},
            timeout=_TIMEOUT,
        )

    def send(self, request: Request, token: str = "") -> Answer:
        """Make a request, when our rate allows it.

        Raises:
            NoAnswer: it may have been done all the same.
            SourceAway: the PBX leads elsewhere, where no secret of ours goes.
        """
        slot = self._pace.book(RequestKind.INITIAL)
        try:
            while (seconds := slot.wait(self._time.timer())) > 0:
                self.wait(seconds)
            if self.sink:
                self.sink.asking()
            answer = self._send(request, {"authorization": f"Bearer {token}"} if token else {})
        finally:
            slot.settle(self._time.timer())
        if 300 <= answer.status < 400:
            target = answer.headers.get("location", "")
            raise SourceAway(
                f"{self._base} redirects (HTTP {answer.status}) to {target[:200]!r}. That is not followed, since "
                "secrets would go along; set base_url to the right address"
            )
        return answer

    def _send(self, request: Request, headers: dict[str, str]) -> Answer:
        until = self._time.timer() + _ANSWER_SECONDS * self._time.speed
        try:
            with self._client.stream(
                request.method,
                self._base + request.path,
                params=dict(request.query) or None,
                json=request.json,
                data=dict(request.form) if request.form is not None else None,
                headers=headers,
                follow_redirects=False,
            ) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    # The timeouts of the HTTP library are for each read; an answer that trickles would never end.
                    if self._time.timer() > until or len(body) > _LARGEST_ANSWER:
                        raise NoAnswer("the answer did not come to its end")
        except httpx2.HTTPError as error:
            reason = f"{type(error).__name__} {error}".strip()
            raise NoAnswer(f"no whole answer from {self._base}: {reason[:200]}") from error
        answer = Answer(
            response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(body)
        )
        self._clock.observe(answer.headers.get("date"))
        return answer

    def wait(self, seconds: float) -> None:
        """Let so many seconds of the PBX pass."""
        if self.sink:
            self.sink.wait(seconds)
        else:
            self._time.wait(seconds, self._closed)

    def close(self) -> None:
        """Give back the connections."""
        self._closed.set()
        self._client.close()
