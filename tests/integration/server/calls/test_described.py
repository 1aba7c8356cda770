"""The OpenAPI document of calls, changes and records: that it is complete, and kept to."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from factories import Clock
from integration.server.calls.reception import ANNA, BRUNO, CHANGES, LIST, Reception
from integration.server.test_openapi import never_ending
from ringback.store import Store
from serving import Site

PAGE = Path(__file__).resolve().parents[4] / "docs" / "api.md"
USERS_CALLS = "/v1/users/{user}/calls"
ONE, RECORD = f"{LIST}/{{call}}", "/v1/records/{record}"
PATHS = (LIST, USERS_CALLS, ONE, RECORD, CHANGES)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Reception]:
    """A site with some calls, one of them merged, for all requests."""
    store = Store.open(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("served") / "store")))
    here = Reception(Site(store, Clock()))
    here.add(*(here.incoming(f"r{number}", number, user=(ANNA, BRUNO)[number % 2]) for number in range(9)))
    here.add(here.incoming("late", 3, {"Correlation ID": "call of r3", "Interaction ID": "I"}))
    here.add(here.incoming("later", 3, {"Correlation ID": "call of r4", "Interaction ID": "I"}))
    yield here
    here.site.close()
    store.close()


@pytest.fixture(scope="module")
def document(served: Reception) -> Any:
    """The document, decoded."""
    return msgspec.json.decode(served.site.ask("/schema").body)


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("path", PATHS)
def test_an_operation_is_described(document: Any, path: str, method: str) -> None:
    """Each path has its token, its parameters with what they mean, and each status that it answers with."""
    operation = document["paths"][path][method]
    assert operation["security"] == [{"bearer": []}]
    assert all(each["description"] for each in operation.get("parameters", ()) if each["in"] == "query")
    own = {ONE: {"308", "404"}, RECORD: {"404"}, CHANGES: {"410"}}.get(path, set())
    assert set(operation["responses"]) == {"200", "400", "401", "403", "405", "500", "503", *own}
    assert ("Link" in operation["responses"]["200"]["headers"]) is (path in (LIST, USERS_CALLS))


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (LIST, f"{LIST}?count=true&limit=3"),
        (USERS_CALLS, f"/v1/users/{ANNA}/calls"),
        (ONE, f"{LIST}/{{call}}"),
        (RECORD, "/v1/records/late"),
        (CHANGES, f"{CHANGES}?limit=3"),
    ],
)
def test_an_answer_fits_the_document(served: Reception, document: Any, path: str, target: str) -> None:
    """What is answered has just the keys that are described, all of them that are required, each of its type."""
    answered = served.ask(target.format(call=served.of("r1")[0])).json
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    schemas = dict(document["components"]["schemas"])
    closed = {
        name: {**schema, "additionalProperties": False} if "properties" in schema else schema
        for name, schema in schemas.items()
    }
    schema = {**content["application/json"]["schema"], "components": {"schemas": closed}}
    jsonschema_rs.validator_for(schema).validate(answered)
    assert ("text/csv" in content) is (path in (LIST, USERS_CALLS))


def test_the_page_names_everything(served: Reception, document: Any) -> None:
    """The documentation has each path, parameter, and status; its examples have just the keys that answers have."""
    page = PAGE.read_text("utf-8")
    for path in PATHS:
        assert f"GET {re.sub('{.*}', '{id}', path)}`" in page
        operation = document["paths"][path]["get"]
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] == "path" or f"`{parameter['name']}`" in page, parameter["name"]
    assert {"400", "401", "403", "404", "410", "503"} <= set(re.findall(r"^\| (\d{3}) \|", page, re.MULTILINE))
    call, record = (msgspec.json.decode(each) for each in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    listed = served.ask(LIST).json["items"][0]
    assert list(call) == list(listed)
    assert list(call["timeline"][0]) == list(listed["timeline"][0])
    assert list(call["participants"][0]) == list(listed["participants"][0])
    assert list(record) == list(answered := served.ask("/v1/records/late").json)
    assert list(record["revisions"][0]) == list(answered["revisions"][0])


@pytest.fixture(scope="module")
def tokens(served: Reception) -> dict[str, str]:
    """A token for each kind of people."""
    return {"of-an-administrator": served.admin, "of-a-user": served.site.token(user=ANNA)}


@pytest.mark.parametrize("mode", GenerationMode, ids=["as-described", "otherwise"])
@pytest.mark.parametrize("token", ["of-an-administrator", "of-a-user", "without-token"])
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_requests(
    served: Reception, tokens: dict[str, str], token: str, mode: GenerationMode, data: st.DataObject
) -> None:
    """Whatever is asked, with or without a token, the answer is one that the document describes, and no failure."""
    operation = data.draw(st.sampled_from(operations_of(served.site)))
    case = data.draw(operation.as_strategy(generation_mode=mode))
    if data.draw(st.integers(0, 3)):  # or hardly any id would be one
        ids = {"call": served.of("r1", "r4", "late"), "record": ["r1", "late"], "user": [ANNA, BRUNO]}
        case.path_parameters = {
            name: data.draw(st.sampled_from(ids[name])) for name in (case.path_parameters or {}) if name in ids
        }
    headers = {"Authorization": f"Bearer {tokens[token]}"} if token in tokens else {}
    case.call_and_validate(headers=headers, checks=CHECKS)


@lru_cache(maxsize=1)
def operations_of(site: Site) -> Sequence[Any]:
    """What the document describes of these paths; made once, since the strategies of an operation take time to make."""
    schema = schemathesis.openapi.from_asgi("/schema", never_ending(site.app))
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return [operation for operation in operations if operation.path in PATHS]
