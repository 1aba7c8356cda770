"""Answers other than pages: errors in the form of the Webex APIs, and what faults make of an answer."""

from __future__ import annotations

import math
from email.utils import format_datetime

import msgspec

from ringback.simulator.clock import to_datetime
from ringback.simulator.cloud import faults
from ringback.simulator.cloud.http import Mishap, Reply

JSON = "application/json"
PAGE_OF_A_PROXY = b"<!doctype html><html><head><title>Error</title></head><body><h1>Error</h1></body></html>"
_BAD_ITEMS = {
    "no_id": b'{"Report ID":"","Start time":"soon","Duration":"short"}',
    "number": b"42",
    "text": b'"record"',
    "null": b"null",
    "list": b"[]",
}
_WORDINGS = {
    "should_go_to": "The data of this organization is elsewhere. This request should go to URL: {}",
    "please_use": "The data of this organization is elsewhere. Please use {}",
}


def error(status: int, message: str, tracking_id: str, **more: object) -> Reply:
    """An error with the body of the Webex APIs: message, errors[].description, trackingId."""
    body = {"message": message, "errors": [{"description": message}], "trackingId": tracking_id, **more}
    return Reply(status=status, headers={"content-type": JSON}, body=msgspec.json.encode(body))


def no_cdrs(tracking_id: str) -> Reply:
    """What a cloud may say of an empty window instead of an empty page; tests of `wxc_sdk` know it."""
    return error(404, "No CDRs for requested time range and filters", tracking_id, errorCode=404)


def elsewhere(wording: str, url: str, tracking_id: str) -> Reply:
    """A 451 that names an address: quoted and with its scheme in one wording, host and port only in the other."""
    named = f'"{url}"' if wording == "should_go_to" else url.partition("://")[2]
    return error(451, _WORDINGS[wording].format(named), tracking_id)


def retry_after(form: str, seconds: float, now: int) -> str:
    """The value of Retry-After in a form, never too early. `now` is in milliseconds since 1970."""
    if form == "seconds":
        return str(max(0, math.ceil(seconds)))
    if form == "decimal":
        return f"{math.ceil(seconds * 100) / 100:.2f}"
    return http_date(math.ceil((now + seconds * 1000) / 1000) * 1000)


def http_date(ms: int) -> str:
    """The text of a time in HTTP, which has whole seconds."""
    return format_datetime(to_datetime(ms).replace(microsecond=0), usegmt=True)


def refusal(fault: faults.Refuse, tracking_id: str, now: int) -> Reply:
    """The answer of a `Refuse`."""
    reply = error(fault.status, f"The simulated cloud answers {fault.status} on purpose", tracking_id)
    if fault.html:
        reply.headers["content-type"] = "text/html"
        reply.body = PAGE_OF_A_PROXY
    if fault.retry_after is not None:
        reply.headers["retry-after"] = retry_after(fault.form, fault.retry_after, now)
    return reply


def spoil(reply: Reply, fault: faults.Fault) -> None:
    """Do to an answer what a fault does to the sending of it, or to its body."""
    if isinstance(fault, faults.Hang):
        reply.mishap = Mishap(wait=fault.seconds, head=False)
    elif isinstance(fault, faults.Reset):
        body = 0.5 if fault.when == "in_body" else 0.0
        reply.mishap = Mishap(head=fault.when != "before", body=body, reset=True)
    elif isinstance(fault, faults.Cut):
        reply.mishap = Mishap(body=fault.share)
    elif isinstance(fault, faults.Slow):
        reply.mishap = Mishap(slowly=fault.seconds)
    elif isinstance(fault, faults.Garbage):
        if fault.what in ("not_json", "wrong_type"):
            reply.headers["content-type"] = "text/html"
        if fault.what == "not_json":
            reply.body = PAGE_OF_A_PROXY
        elif fault.what == "cut_json":
            reply.body = reply.body[: len(reply.body) // 2]
        elif fault.what == "not_a_page":
            reply.body = b'{"status":"ok"}'
        elif fault.what == "empty":
            reply.body = b""


def bad_item(fault: faults.BadItem) -> bytes:
    """Something that is no record."""
    return _BAD_ITEMS[fault.what]


def page_body(items: list[bytes]) -> bytes:
    """The JSON of a page."""
    return b'{"items":[' + b",".join(items) + b"]}"
