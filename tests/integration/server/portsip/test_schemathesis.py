"""What the OpenAPI document says of call logs, and that it is kept to, whatever is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from factories import Clock
from integration.server.portsip.logs import CDRS, LOGS, SYNC, USER_CDRS, administrator, append, log, user
from integration.server.test_openapi import CHECKS, operations_of
from ringback.records.portsip.fields import CALL_LOG_FIELDS
from ringback.server.tokens import CDR_SCOPE
from ringback.store import Store
from serving import Site

LISTS = (LOGS, CDRS, USER_CDRS)
DIFFS = (f"{SYNC}/{{token}}/diff", f"{SYNC}/{{token}}")
SINGLES = tuple(f"{path}/{{id}}" for path in LISTS)
MINE = {*LISTS, *SINGLES, SYNC, *DIFFS}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Site]:
    """A site with some call logs, for all generated requests."""
    store = Store.open(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("served") / "store")))
    site = Site(store, Clock())
    detail = Path(__file__).resolve().parents[3] / "data" / "call-log-detail.json"
    append(site, msgspec.json.decode(detail.read_bytes()), *(log(f"{number}", user_data=None) for number in range(20)))
    yield site
    site.close()
    store.close()


@pytest.fixture(scope="module")
def document(served: Site) -> Any:
    """The document, decoded."""
    return msgspec.json.decode(served.ask("/schema").body)


def test_the_document_has_all_paths(document: Any) -> None:
    """Each path is described with the methods it takes, its token, and every status that it answers with."""
    found = {path: set(methods) for path, methods in document["paths"].items() if path in MINE}
    assert found == {
        **{path: {"get", "head"} for path in (LOGS, USER_CDRS, *SINGLES)},
        CDRS: {"get", "head", "post"},
        **{path: {"post"} for path in (SYNC, *DIFFS)},
    }
    for path in MINE:
        for operation in document["paths"][path].values():
            assert operation["security"] == [{"bearer": []}]
            done = "201" if path == SYNC else "200"
            others = {"400", "401", "403", "404", "405", "413", "429", "500", "503"}
            assert set(operation["responses"]) == {done, *others}
            assert all("trackingid" in response["headers"] for response in operation["responses"].values())
            assert ("Link" in operation["responses"][done]["headers"]) == (path in LISTS)
            assert "Retry-After" in operation["responses"]["429"]["headers"]


@pytest.mark.parametrize("path", LISTS)
def test_the_document_has_all_options(document: Any, path: str) -> None:
    """The options of a list are described, bare and with `$`, each with its bounds."""
    parameters = {each["name"]: each for each in document["paths"][path]["get"]["parameters"]}
    names = ("filter", "orderby", "top", "skip", "search", "count")
    assert list(parameters) == [*names, *(f"${name}" for name in names)]
    assert all(each["description"] and not each.get("required") for each in parameters.values())
    top = parameters["$top"]["schema"]
    assert (top["minimum"], top["maximum"], top["default"]) == (1, 100, 100)


def test_the_document_describes_all_fields(document: Any) -> None:
    """The schema of a row has its keys in their order, all required, each with its meaning; only ids are never null."""
    schemas = document["components"]["schemas"]
    keys = {name: list(schemas[name]["properties"]) for name in ("CallLogRow", "CallLogDetail", "CdrRow", "UserCdr")}
    assert {name: len(found) for name, found in keys.items()} == {
        "CallLogRow": 24,
        "CallLogDetail": 26,
        "CdrRow": 23,
        "UserCdr": 23,
    }
    detail = schemas["CallLogDetail"]
    assert keys["CallLogDetail"] == [field.name for field in CALL_LOG_FIELDS]
    assert sorted(keys["CallLogDetail"]) == sorted(detail["required"])
    assert {"type": "string", "format": "date-time"} in detail["properties"]["ended_at"]["oneOf"]
    assert [each["description"] for each in detail["properties"].values()] == [
        field.meaning for field in CALL_LOG_FIELDS
    ]
    nullable = {name for name, each in detail["properties"].items() if {"type": "null"} in each.get("oneOf", ())}
    assert nullable == {field.name for field in CALL_LOG_FIELDS} - {"id"}


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (LOGS, "CallLogList"),
        (f"{LOGS}/3", "CallLogDetail"),
        (CDRS, "CdrList"),
        (f"{CDRS}/s-3", "CdrDetail"),
        (USER_CDRS, "CdrList"),
        (f"{USER_CDRS}/s-3", "UserCdrDetail"),
    ],
)
def test_answers_fit_the_document(served: Site, document: Any, path: str, schema: str) -> None:
    """A real answer is valid by its schema, and has no key that is not described."""
    found = served.ask(path, user(served)).json
    described = {**document["components"]["schemas"][schema], "components": document["components"]}
    jsonschema_rs.validator_for(described).validate(found)
    assert set(found) <= set(document["components"]["schemas"][schema]["properties"])


# Generated requests

FILTERS = st.sampled_from(
    [
        "caller eq '101'",
        "startswith(callee,'1') and not_a_field eq '1'",
        "started_at ge '2026-01-01T00:00:00Z' or duration lt 5",
        "contains(caller,'555') and (direction eq 'INBOUND_CALL')",
        "id gt ''",
        "caller ne null",
    ]
)
ORDERS = st.sampled_from(["caller desc, started_at", "id", "duration", "user_data desc", "cost"])


@cache
def tokens_of(site: Site) -> dict[str, str]:
    """Tokens of an administrator, of a user, and of somebody who may not see call logs."""
    return {
        "administrator": administrator(site),
        "user": user(site),
        "without-scope": site.token(scopes=[CDR_SCOPE]),
        "without-token": "",
    }


@pytest.mark.parametrize("mode", GenerationMode, ids=["as-described", "otherwise"])
@pytest.mark.parametrize("who", ["administrator", "user", "without-scope", "without-token"])
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_requests(served: Site, who: str, mode: GenerationMode, data: st.DataObject) -> None:
    """Whatever is asked, by whomever, the answer is one that the document describes, and no failure."""
    described = [each for each in operations_of(served) if each.path in MINE]
    operation = data.draw(st.sampled_from(described))
    case = data.draw(operation.as_strategy(generation_mode=mode))
    if operation.path in LISTS and data.draw(st.booleans()):  # or hardly any filter would be one
        case.query = {"filter": data.draw(FILTERS), "orderby": data.draw(ORDERS), "top": 3}
    if operation.path in SINGLES and data.draw(st.booleans()):
        case.path_parameters = {"id": data.draw(st.sampled_from(["3", "s-3", "994512345678901247"]))}
    token = tokens_of(served)[who]
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"} if token else {}, checks=CHECKS)
