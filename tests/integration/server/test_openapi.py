"""The OpenAPI document: that it is valid, complete, and kept to."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.types import ASGIApp
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from factories import Clock, wire_record
from ringback.records.fields import FIELDS, WIRE_KEYS
from ringback.server.janus import SESSIONS
from ringback.server.tokens import ADMIN_SCOPES
from ringback.store import Store
from serving import ALL_TIME, FEED, HOUR, MINUTE, STREAM, Site, window


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Site]:
    """A site with some records, for all generated requests."""
    store = Store.open(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("served") / "store")))
    site = Site(store, Clock())
    site.clock.now -= 30 * MINUTE
    site.append(*[wire_record(f"r{number}", report_time=site.clock()) for number in range(20)])
    site.clock.now += 30 * MINUTE
    yield site
    site.close()
    store.close()


@pytest.fixture(scope="module")
def document(served: Site) -> Any:
    """The document, decoded."""
    reply = served.ask("/schema")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/vnd.oai.openapi+json"
    return msgspec.json.decode(reply.body)


def test_the_document_is_valid(document: Any) -> None:
    """The document follows the OpenAPI specification 3.1, and every schema in it is a valid JSON Schema."""
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)


def test_the_document_names_all_paths(document: Any) -> None:
    """The document describes what can be read with GET and HEAD, and what is done with POST.

    The paths of PortSIP have a test of their own.
    """
    found = {path: set(methods) for path, methods in document["paths"].items() if not path.startswith("/api/")}
    assert {path for path, methods in found.items() if methods == {"get", "head"}} == {
        *(FEED, STREAM, "/healthz", "/metrics", SESSIONS, "/v1/uc/config/people/{person}/lines"),
        *("/v1/history/sessions", "/v1/history/sessions/{session}", "/v1/history/unread"),
        *("/v1/calls", "/v1/calls/{call}", "/v1/users/{user}/calls", "/v1/changes", "/v1/records/{record}"),
    }
    assert {path for path, methods in found.items() if methods == {"post"}} == {
        *(f"{SESSIONS}/setReadState", f"{SESSIONS}/markAsDeleted", "/v1/history/readAll", "/v1/history/restore"),
    }
    assert found[EVENTS] == found["/v1/history/export"] == {"get"}
    assert len(found) == 20


@pytest.mark.parametrize("path", [FEED, STREAM])
@pytest.mark.parametrize("method", ["get", "head"])
def test_the_document_describes_an_endpoint(document: Any, path: str, method: str) -> None:
    """For an endpoint the document has the parameters, the token, the headers, and each status that it answers with."""
    operation = document["paths"][path][method]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert {name: parameter.get("required", False) for name, parameter in parameters.items()} == {
        "startTime": True,
        "endTime": True,
        "locations": False,
        "max": False,
    }
    assert all(parameter["description"] for parameter in parameters.values())
    assert parameters["max"]["schema"]["default"] == 5000
    (scheme,) = operation["security"]
    assert document["components"]["securitySchemes"][next(iter(scheme))]["scheme"] == "bearer"
    responses = operation["responses"]
    assert set(responses) == {"200", "400", "401", "403", "405", "429", "451", "500", "503"}
    assert all("trackingid" in response["headers"] for response in responses.values())
    assert "Link" in responses["200"]["headers"]
    assert "Retry-After" in responses["429"]["headers"]
    for status, response in responses.items():
        schema = "CdrPage" if status == "200" else "ErrorBody"
        assert response["content"]["application/json"]["schema"]["$ref"].endswith(schema)


def test_the_document_describes_all_fields(document: Any) -> None:
    """The schema of a record has the 87 keys of the wire in their order, all required, each with its meaning."""
    record = document["components"]["schemas"]["CallDetailRecord"]
    assert list(record["properties"]) == list(WIRE_KEYS)
    assert sorted(record["required"]) == sorted(WIRE_KEYS)
    assert [schema["description"] for schema in record["properties"].values()] == [field.meaning for field in FIELDS]
    assert record.get("additionalProperties", True) is True, "keys may be added at any time"


def test_a_page_fits_the_document(served: Site, document: Any) -> None:
    """A real page is valid by the schema of the document."""
    page = served.ask(FEED, served.token(), ALL_TIME).json
    schema = {**document["components"]["schemas"]["CdrPage"], "components": document["components"]}
    jsonschema_rs.validator_for(schema).validate(page)
    assert len(page["items"]) == 20


# Generated requests


@pytest.fixture(scope="module")
def tokens(served: Site) -> dict[str, str]:
    """Tokens with each kind of limits, so that the one with limits is often told to wait, and one of a user."""
    both = {limits: served.token(limits, scopes=ADMIN_SCOPES) for limits in ("none", "documented")}
    return {**both, "of-a-user": served.token(user="11111111-2222-4333-8444-555555555555")}


EVENTS = "/v1/events"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("mode", GenerationMode, ids=["as-described", "otherwise"])
@pytest.mark.parametrize("token", ["none", "documented", "of-a-user", "without-token"])
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_requests(
    served: Site, tokens: dict[str, str], token: str, mode: GenerationMode, data: st.DataObject
) -> None:
    """Whatever is asked, with or without a token, the answer is one that the document describes, and no failure."""
    operation = data.draw(st.sampled_from(operations_of(served)))
    case = data.draw(operation.as_strategy(generation_mode=mode))
    if operation.path in (FEED, STREAM) and data.draw(st.integers(0, 3)):  # or hardly any window would be one
        case.query = {**(case.query or {}), **window(served.clock.now - HOUR, served.clock.now - 10 * MINUTE)}
    headers = {"Authorization": f"Bearer {tokens[token]}"} if token in tokens else {}
    case.call_and_validate(headers=headers, checks=CHECKS)


@lru_cache(maxsize=1)
def operations_of(site: Site) -> Sequence[Any]:
    """All that the document describes; made once, since the strategies of an operation take time to make."""
    schema = schemathesis.openapi.from_asgi("/schema", never_ending(site.app))
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return [operation for operation in operations if operation.path != EVENTS]  # their answer has no end


def never_ending(app: ASGIApp) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """The app without its beginning and end, of which a client in process makes one for each request."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return served
