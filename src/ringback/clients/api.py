"""The API objects, with the names and arguments of `wxc_sdk`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, Self

from ringback.clients.errors import UsageError
from ringback.clients.history import Reader, Window
from ringback.clients.hosts import DEFAULT_HOST
from ringback.clients.model import CDR
from ringback.clients.pages import OnInvalid
from ringback.clients.session import AsRestSession, RestSession, Session
from ringback.clients.steps import OnProgress, Steps
from ringback.clients.times import read_moment
from ringback.clients.tokens import GivenTokens

_MAX_LOCATIONS = 10
_DEFAULT_AGES = {False: timedelta(hours=47, minutes=58), True: timedelta(hours=11, minutes=58)}
"""How long ago a window begins by default: for the feed as in `wxc_sdk`, for the stream nearly all that it keeps."""

_DEFAULT_END = timedelta(minutes=5, seconds=30)


class DetailedCDRApi:
    """Reads call detail records: `GET /v1/cdr_feed` and `GET /v1/cdr_stream`.

    The token needs the scope `spark-admin:calling_cdr_read`, and its user an administrator role with the permission
    "Webex Calling Detailed Call History API access".
    """

    def __init__(self, *, session: RestSession) -> None:
        self.session = session

    def get_cdr_history(
        self,
        start_time: str | datetime | None = None,
        end_time: str | datetime | None = None,
        locations: Sequence[str] | str | None = None,
        host: str = DEFAULT_HOST,
        stream: bool = False,
        *,
        on_invalid: OnInvalid | None = None,
        on_progress: OnProgress | None = None,
        **params: Any,
    ) -> Generator[CDR, None, None]:
        """The records of a window, oldest slice first. Pages are requested as the records are taken.

        Args:
            start_time, end_time: aware datetimes or ISO 8601 texts with a zone; the window may be of any length. By
                default it begins 47 h 58 min ago (stream: 11 h 58 min) and ends 5 min 30 s ago.
            locations: up to 10 names of locations, as in Control Hub.
            host: name of the analytics host, or an address such as http://127.0.0.1:8080. If the data is in another
                region, the server says so, and the host it names is asked; giving the right one saves the minute that
                this costs.
            stream: whether to read the stream, whose window is about when records came in, and not the feed.
            on_invalid: gets the bytes of each item that is no record, and what is wrong; by default that is logged.
            on_progress: gets the `Totals` after each page and at the end.
            params: further parameters of the query, such as `max`.

        Raises:
            UsageError: at once, if the call cannot be made.
            CdrError: while records are taken; see `ringback.clients.errors`. Those taken before are good.
        """
        steps = _steps(self.session, start_time, end_time, locations, host, stream, params, on_invalid, on_progress)
        return _records(self.session, steps)


class AsDetailedCDRApi:
    """The same for asyncio."""

    def __init__(self, *, session: AsRestSession) -> None:
        self.session = session

    def get_cdr_history_gen(
        self,
        start_time: str | datetime | None = None,
        end_time: str | datetime | None = None,
        locations: Sequence[str] | str | None = None,
        host: str = DEFAULT_HOST,
        stream: bool = False,
        *,
        on_invalid: OnInvalid | None = None,
        on_progress: OnProgress | None = None,
        **params: Any,
    ) -> AsyncGenerator[CDR, None]:
        """The records of a window, one by one; see `DetailedCDRApi.get_cdr_history`."""
        steps = _steps(self.session, start_time, end_time, locations, host, stream, params, on_invalid, on_progress)
        return _as_records(self.session, steps)

    async def get_cdr_history(
        self,
        start_time: str | datetime | None = None,
        end_time: str | datetime | None = None,
        locations: Sequence[str] | str | None = None,
        host: str = DEFAULT_HOST,
        stream: bool = False,
        *,
        on_invalid: OnInvalid | None = None,
        on_progress: OnProgress | None = None,
        **params: Any,
    ) -> list[CDR]:
        """All records of a window at once; see `DetailedCDRApi.get_cdr_history`."""
        steps = _steps(self.session, start_time, end_time, locations, host, stream, params, on_invalid, on_progress)
        return [record async for records in self.session.run(steps) for record in records]


class WebexSimpleApi:
    """The way to `cdr` that programs for `wxc_sdk` take. Of its many APIs only this one is here.

    Args:
        tokens: see `RestSession`, as are all further arguments.
        session: a session to use instead of one of its own; it is not closed with this object.
    """

    def __init__(self, *, tokens: GivenTokens = None, session: RestSession | None = None, **kwargs: Any) -> None:
        self._owned = session is None
        self.session = session or RestSession(tokens=tokens, **kwargs)
        self.cdr = DetailedCDRApi(session=self.session)

    @property
    def access_token(self) -> str | None:
        """The token of the next request."""
        return self.session.access_token

    def close(self) -> None:
        """Give back the connections."""
        if self._owned:
            self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsWebexSimpleApi:
    """The same for asyncio; further arguments are those of `AsRestSession`."""

    def __init__(self, *, tokens: GivenTokens = None, session: AsRestSession | None = None, **kwargs: Any) -> None:
        self._owned = session is None
        self.session = session or AsRestSession(tokens=tokens, **kwargs)
        self.cdr = AsDetailedCDRApi(session=self.session)

    @property
    def access_token(self) -> str | None:
        """The token of the next request."""
        return self.session.access_token

    async def close(self) -> None:
        """Give back the connections."""
        if self._owned:
            await self.session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _steps(
    session: Session,
    start_time: str | datetime | None,
    end_time: str | datetime | None,
    locations: Sequence[str] | str | None,
    host: str,
    stream: bool,
    params: dict[str, Any],
    on_invalid: OnInvalid | None,
    on_progress: OnProgress | None,
) -> Steps:
    now = session.options.now()
    start = read_moment("start_time", start_time) if start_time else now - _DEFAULT_AGES[bool(stream)]
    end = read_moment("end_time", end_time) if end_time else now - _DEFAULT_END
    if end <= start:
        raise UsageError(f"end_time {end.isoformat()} must be later than start_time {start.isoformat()}")
    parameters = {name: value for name, value in params.items() if value is not None}
    if locations:
        parameters["locations"] = _locations(locations)
    window = Window(base=session.hosts.base(host), stream=stream, start=start, end=end, parameters=parameters)
    reader = Reader(
        window, session.options, session.pace, session.hosts, on_invalid=on_invalid, on_progress=on_progress
    )
    return reader.steps()


def _locations(locations: Sequence[str] | str) -> str:
    names = [locations] if isinstance(locations, str) else list(locations)
    if len(names) > _MAX_LOCATIONS:
        raise UsageError(f"at most {_MAX_LOCATIONS} locations can be asked for, not {len(names)}; ask several times")
    # Names stand with commas between them. A comma in a name has no documented form; ringback's server takes this one.
    return ",".join(name.replace(",", "%2C") for name in names)


def _records(session: RestSession, steps: Steps) -> Generator[CDR, None, None]:
    for records in session.run(steps):
        yield from records


async def _as_records(session: AsRestSession, steps: Steps) -> AsyncGenerator[CDR, None]:
    async with aclosing(session.run(steps)) as run:
        async for records in run:
            for record in records:
                yield record
