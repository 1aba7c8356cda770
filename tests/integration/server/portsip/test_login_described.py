"""What the OpenAPI document says of logging in and out: that it is valid, and kept to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

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
from integration.server.portsip.login_site import PASSWORD, LoginSite
from ringback.store import Store

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[LoginSite]:
    """The paths of logins, with an account, for all generated requests."""
    site = LoginSite(
        Store.open(Path(shutil.copytree(empty_store, tmp_path_factory.mktemp("served") / "store"))), Clock()
    )
    site.account()
    yield site
    site.close()


@lru_cache(maxsize=1)
def operations_of(site: LoginSite) -> Sequence[Any]:
    """All that the document describes."""
    schema = schemathesis.openapi.from_asgi("/schema", site.app)
    return [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]


def test_the_document_describes_logging_in(served: LoginSite) -> None:
    """The document is valid; it says which requests need a token, what is sent, and each status that there may be."""
    document = msgspec.json.decode(served.get("/schema").body)
    schemathesis.openapi.from_dict(document).validate()
    operations = {
        f"{method} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    without_token = {name for name, operation in operations.items() if not operation.get("security")}
    assert without_token == {
        *("post /api/login", "post /api/login/oauth/token", "post /api/auth/sign_in", "post /api/auth/refresh_token")
    }
    assert {name for name in operations if "requestBody" in operations[name]} == without_token
    assert set(operations) - without_token == {
        *("get /api/login", "head /api/login", "get /api/auth/user", "head /api/auth/user"),
        *("post /api/logout", "post /api/auth/sign_out", "post /api/login/oauth/revoke"),
    }
    for name, operation in operations.items():
        needed = {"400", "413"} if name in without_token else {"401", "403"}
        assert needed | {"405", "429", "500", "503"} <= set(operation["responses"])
    (form,) = operations["post /api/login/oauth/token"]["requestBody"]["content"]
    assert form == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("mode", GenerationMode, ids=["as-described", "otherwise"])
@pytest.mark.parametrize("with_token", [True, False])
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_requests(served: LoginSite, with_token: bool, mode: GenerationMode, data: st.DataObject) -> None:
    """Whatever is sent, with or without a token, the answer is one that the document describes, and no failure."""
    operation = data.draw(st.sampled_from(operations_of(served)))
    case = data.draw(operation.as_strategy(generation_mode=mode))
    if isinstance(case.body, dict) and "password" in case.body and data.draw(st.booleans()):
        case.body |= {"username": "anna", "domain": "example.com", "password": PASSWORD}
    headers = {"Authorization": f"Bearer {served.tokens_of_login()[0]}"} if with_token else {}
    case.call_and_validate(headers=headers, checks=CHECKS)
