"""Asking a list for rows, with the options as it takes them."""

from __future__ import annotations

from collections.abc import Mapping

from ringback.records.values import from_milliseconds
from ringback.sources.portsip.abilities import Abilities
from ringback.sources.portsip.gateway import Answer, Request
from ringback.sources.portsip.rows import Page, read_page
from ringback.sources.portsip.session import BadBody, Session

ORDERS = ("started_at asc,id asc", "started_at asc")
"""Orders to ask for: the first one is total, so that rows never change places."""


class NotTaken(Exception):
    """The list is not there, or does not take what it was asked with.

    Attributes:
        status: of the answer.
    """

    def __init__(self, path: str, answer: Answer) -> None:
        super().__init__(f"{path}: {answer.summary()}")
        self.status = answer.status


def ask_list(session: Session, abilities: Abilities, options: Mapping[str, str]) -> Page:
    """A page of a list.

    Args:
        abilities: which list, and how its options are spelled.
        options: by their names without a dollar sign.

    Raises:
        NotTaken: see there.
        SourceAway, WindowFailed: see `Session.ask`.
    """
    dollar = "$" if abilities.dollar else ""
    request = Request(
        path=f"/{abilities.list}",
        method="POST" if abilities.post else "GET",
        query={dollar + name: value for name, value in options.items()},
    )

    def read(answer: Answer) -> Page:
        if answer.status == 200:
            return read_page(answer.body, answer.headers)
        if 400 <= answer.status < 500:
            raise NotTaken(request.path, answer)
        raise BadBody(f"{request.path}: {answer.summary()}")

    return session.ask(request, read)


def within(field: str, start: int, end: int) -> str:
    """The filter for times of a range of whole seconds; end exclusive. Literals stand in quotes, times too."""
    return f"{field} ge '{_time(start)}' and {field} lt '{_time(end)}'"


def before(field: str, end: int) -> str:
    """The filter for earlier times."""
    return f"{field} lt '{_time(end)}'"


def descending(order: str) -> str:
    """An order backwards."""
    return order.replace(" asc", " desc")


def _time(milliseconds: int) -> str:
    return f"{from_milliseconds(milliseconds):%Y-%m-%dT%H:%M:%SZ}"
