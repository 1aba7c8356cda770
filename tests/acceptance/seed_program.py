"""A program for call logs, made from nothing but the published text of `/calllogs` and `/calllogs/{id}`.

It uses the standard library alone, and knows nothing of any other page: no query options, no further pages, no error
bodies. It lists the call logs, gets each one by its id, holds everything against the text, and prints a table. What
does not fit the text ends it with a message and status 1.

    python seed_program.py https://pbx.example:8887/api TOKEN
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

TIMEOUT = 30  # seconds

# "The RFC 3339 format is defined by The date_time notation as defined by RFC 3339, section 5.6"
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

DIRECTIONS = {"INBOUND_CALL", "OUTBOUND_CALL", "EXTENSION_CALL", "INBOUND_OUTBOUND_CALL"}
END_REASONS = {
    "CALLER_DISCONNECTED",
    "CALLEE_DISCONNECTED",
    "BLIND_TRANSFER_COMPLETED",
    "CONSULT_TRANSFER_COMPLETED",
    "REPLACED",
    "REFERRED",
    "REDIRECTED",
    "CANCELLED",
}
REROUTE_REASONS = {"TRANSFER", "OVERFLOW"}

Check = Callable[[Any], bool]


class DoesNotFit(Exception):
    """Something is not as the text says; the message says what."""


def string(*, least: int = 0, most: int | None = None) -> Check:
    """`string · min: ... · max: ...`"""
    return lambda value: isinstance(value, str) and least <= len(value) and (most is None or len(value) <= most)


def integer(bits: int) -> Check:
    """`integer · int32` and the like."""
    return lambda value: type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def number(value: Any) -> bool:
    """`number · double`"""
    return type(value) in (int, float)


def date_time(value: Any) -> bool:
    """`string · date_time`"""
    return isinstance(value, str) and DATE_TIME.fullmatch(value) is not None


def one_of(values: set[str]) -> Check:
    """`string · enum`"""
    return lambda value: isinstance(value, str) and value in values


FIELDS: dict[str, Check] = {
    "id": string(least=1),
    "session_id": string(),
    "caller": string(most=256),
    "caller_domain": string(most=1024),
    "caller_display_name": string(most=1024),
    "callee": string(most=256),
    "callee_domain": string(most=1024),
    "callee_display_name": string(most=1024),
    "started_at": date_time,
    "rang_at": date_time,
    "answered_at": date_time,
    "ended_at": date_time,
    "call_id": string(),
    "direction": one_of(DIRECTIONS),
    "end_reason": one_of(END_REASONS),
    "reroute_reason": one_of(REROUTE_REASONS),
    "status_code": integer(64),
    "destination": string(),
    "outbound_caller_id": string(least=1, most=64),
    "did_cid": string(),
    "trunk": string(),
    "duration": integer(32),
    "cost": number,
    "billed_account": string(),
    "service_number": string(),
    "user_data": string(),
}
"""The fields of a call log in the order of the text. All are optional, so each may be missing or null."""


def get(url: str, token: str | None) -> Any:
    """The JSON of an address, asked for with the header that the text requires."""
    request = urllib.request.Request(url)
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            status, kind, body = response.status, response.headers.get_content_type(), response.read()
    except urllib.error.HTTPError as error:
        status, kind, body = error.code, error.headers.get_content_type(), b""
    except OSError as error:
        raise DoesNotFit(f"no answer from {url}: {error}") from error
    if status != 200:
        raise DoesNotFit(f"{url} was answered with {status}, not with 200 OK")
    if kind != "application/json":
        raise DoesNotFit(f"{url} was answered with {kind}, not with application/json")
    try:
        return json.loads(body)
    except ValueError as error:
        raise DoesNotFit(f"{url} was answered with something that is no JSON: {error}") from error


def rows_of(answer: Any) -> list[dict[str, Any]]:
    """The call logs of the list.

    The text has only `count` of it, "total number of resource". The collection must be the other thing in there.
    """
    if not isinstance(answer, dict):
        raise DoesNotFit("the answer to /calllogs is no object")
    collections = [value for key, value in answer.items() if key != "count" and isinstance(value, list)]
    if len(collections) != 1:
        raise DoesNotFit(f"the answer to /calllogs has {len(collections)} collections: {sorted(answer)}")
    rows: list[dict[str, Any]] = collections[0]
    if not all(isinstance(row, dict) for row in rows):
        raise DoesNotFit("the collection has something that is no object")
    count = answer.get("count")
    if count is not None and not (integer(64)(count) and count >= len(rows)):
        raise DoesNotFit(f"count is {count!r}, which is not the total number of at least {len(rows)} call logs")
    return rows


def check(log: dict[str, Any], where: str) -> None:
    """Hold a call log against the text."""
    for field, fits in FIELDS.items():
        value = log.get(field)
        if value is not None and not fits(value):
            raise DoesNotFit(f"{where}: {field} is {value!r}, which it cannot be")
    if unknown := log.keys() - FIELDS.keys():
        raise DoesNotFit(f"{where}: the text has no {', '.join(sorted(unknown))}")
    if log.get("id") is None:
        raise DoesNotFit(f"{where}: there is no id to ask for it by")


def line(log: dict[str, Any]) -> str:
    """A call log as a line of the table."""
    parties = f"{log.get('caller') or '?'} -> {log.get('callee') or '?'}"
    cost = "" if log.get("cost") is None else log["cost"]
    return f"{parties:40}  {log.get('started_at') or '':27}  {log.get('duration') or 0:>6} s  {cost}"


def run(base: str, token: str) -> None:
    """List the call logs, get each, check all, print the table."""
    rows = rows_of(get(f"{base}/calllogs", token))
    try:
        get(f"{base}/calllogs", None)
    except DoesNotFit:
        pass  # as it should be: the header is required
    else:
        raise DoesNotFit("the list is given without the header Authorization, which is required")
    seen = set()
    print(f"{'call':40}  {'started':27}  {'talked':>8}  cost")
    for place, row in enumerate(rows):
        check(row, f"call log {place} of the list")
        if row["id"] in seen:
            raise DoesNotFit(f"two call logs have the id {row['id']!r}, which is to be unique")
        seen.add(row["id"])
        log = get(f"{base}/calllogs/{urllib.parse.quote(row['id'], safe='')}", token)
        if not isinstance(log, dict):
            raise DoesNotFit(f"the call log {row['id']!r} is no object")
        check(log, f"the call log {row['id']!r}")
        for field, value in row.items():
            if log.get(field) != value:
                raise DoesNotFit(f"{field} of {row['id']!r} is {value!r} in the list, and {log.get(field)!r} by itself")
        print(line(log))
    print(f"{len(rows)} call logs")


def main() -> int:
    """The status to exit with."""
    parser = argparse.ArgumentParser(description="Check and print call logs.")
    parser.add_argument("base", help="address of the API, such as https://pbx.example:8887/api")
    parser.add_argument("token", help="for the header Authorization: Bearer TOKEN")
    given = parser.parse_args()
    try:
        run(given.base.rstrip("/"), given.token)
    except DoesNotFit as error:
        print(f"This does not fit the text: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
