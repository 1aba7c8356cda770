"""Who is let in: tokens, scopes, orgs and regions; and that no secret stays behind."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from factories import ORG, OTHER_ORG, Clock, wire_record
from ringback.server.tokens import CDR_SCOPE, TokenError
from ringback.settings import OrgSettings, Region, ServerSettings
from serving import ALL_TIME, FEED, SECOND, STREAM, Site, SiteMaker

ENDPOINTS = pytest.mark.parametrize("path", [FEED, STREAM])
HOSTS: dict[Region, str] = {
    "us": "analytics-calling.webexapis.com",
    "eu": "analytics-calling-eu.webexapis.com",
    "in": "analytics-calling-in.webexapis.com",
    "au": "analytics-calling-au.webexapis.com",
    "gov": "analytics-calling-gov.webexapis.com",
}


def status_with(site: Site, path: str, authorization: str | None) -> int:
    """The status of a request with this header; a refusal has the documented form."""
    headers = {} if authorization is None else {"authorization": authorization}
    reply = site.ask(path, None, ALL_TIME, headers=headers)
    if reply.status == 401:
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.message.startswith("The request needs a valid access token")
    return reply.status


@ENDPOINTS
def test_without_a_token_nobody_is_let_in(site: Site, path: str) -> None:
    """No header, another scheme, or something that is no token of this store: 401."""
    token = site.token()
    _, token_id, secret = token.split("_", 2)
    other = "B" if secret[-1] == "A" else "A"
    for authorization in (
        None,
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Basic {base64.b64encode(token.encode()).decode()}",
        f"Token {token}",
        f"Bearer: {token}",
        f"Bearer {token} {token}",
        f"Bearer {token},{token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {token[:-1]}{other}",
        f"Bearer {token.upper()}",
        f"Bearer rb_{token_id}_",
        f"Bearer rb_{token_id}",
        f"Bearer rb__{secret}",
        f"Bearer rb_{'0' * 12}_{secret}",
        f"Bearer xx_{token_id}_{secret}",
        f"Bearer rb_{token_id}_{hashlib.sha256(secret.encode()).hexdigest()}",
        f"Bearer rb_' OR 1=1 --_{secret}",
        "Bearer " + "x" * 5000,
    ):
        assert status_with(site, path, authorization) == 401, authorization


@ENDPOINTS
def test_a_token_opens(site: Site, path: str) -> None:
    """A valid token is let in; the scheme may be written in any case."""
    token = site.token()
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer "):
        assert status_with(site, path, f"{scheme} {token}") == 200


def test_the_token_is_looked_at_first(site: Site) -> None:
    """Who has no valid token is told so, and nothing of what else may be wrong."""
    assert site.ask(f"{FEED}?startTime=soon").status == 401


@ENDPOINTS
def test_a_token_expires(site: Site, clock: Clock, path: str) -> None:
    """A token works until the moment it expires."""
    token = site.token(lifetime=timedelta(hours=12))
    clock.now += 12 * 3600 * SECOND - 1
    assert status_with(site, path, f"Bearer {token}") == 200
    clock.now += 1
    assert status_with(site, path, f"Bearer {token}") == 401


@ENDPOINTS
def test_a_token_can_be_revoked(site: Site, path: str) -> None:
    """A revoked token stops working at once; others of the org go on."""
    token, other = site.token(), site.token()
    site.tokens.revoke(token.split("_")[1])
    assert status_with(site, path, f"Bearer {token}") == 401
    assert status_with(site, path, f"Bearer {other}") == 200


@ENDPOINTS
def test_a_token_needs_the_scope(site: Site, path: str) -> None:
    """A token without the scope for call detail records is told which one it lacks."""
    reply = site.ask(path, site.token(scopes=()), ALL_TIME)
    assert (reply.status, reply.message) == (403, f"The access token lacks the scope {CDR_SCOPE}.")
    assert CDR_SCOPE == "spark-admin:calling_cdr_read"


def test_tokens_are_made_for_what_there_is(site: Site) -> None:
    """A token with an unknown scope or unknown limits is not made; the error names those there are."""
    with pytest.raises(
        TokenError, match=r"Unknown scope 'spark:all' for a token of an administrator\. Known: spark-adm"
    ):
        site.token(scopes=("spark:all",))
    with pytest.raises(TokenError, match=r"Unknown limits 'some'\. Known: documented, 2023, none\."):
        site.token("some")
    assert site.tokens.all() == []


@ENDPOINTS
def test_an_org_sees_its_own_records_only(site: Site, path: str) -> None:
    """A token gives the records of its org, even where ids, times and locations of another are the same."""
    for org in (ORG, OTHER_ORG):
        site.append(*[wire_record(f"r{number}", org=org, User=str(org)) for number in range(5)])
    for org in (ORG, OTHER_ORG):
        token = site.token(org=org)
        for query in ({}, {"locations": "Berlin"}, {"orgId": str(OTHER_ORG if org == ORG else ORG)}):
            items = [
                item
                for reply in site.pages(path, token, {**ALL_TIME, **query, "max": 2})
                for item in reply.json["items"]
            ]
            assert [item["User"] for item in items] == [str(org)] * 5


def test_only_hashes_are_stored(site: Site) -> None:
    """After making and using a token, its secret is nowhere in the files of the store, in no usual form."""
    token = site.token("documented")
    secret = token.split("_", 2)[2]
    assert site.ask(FEED, token, ALL_TIME).status == 400
    assert status_with(site, STREAM, f"Bearer {site.token()}") == 200
    files = b"".join(path.read_bytes() for path in site.store.directory.iterdir())
    assert hashlib.sha256(secret.encode()).digest() in files
    raw = base64.urlsafe_b64decode(secret + "=")
    for form in (
        token.encode(),
        secret.encode(),
        raw,
        raw.hex().encode(),
        base64.b64encode(secret.encode()).rstrip(b"="),
    ):
        assert form not in files


def test_secrets_are_not_logged(site: Site) -> None:
    """No log line has a token, whether the request succeeds, is refused, or fails."""
    good, revoked = site.token(), site.token()
    site.tokens.revoke(revoked.split("_")[1])
    with capture_logs() as lines:
        for token in (good, revoked, "rb_unknown_0123456789abcdef"):
            site.ask(FEED, token, ALL_TIME)
            site.ask(FEED, token, {"access_token": token})
        site.store.close()
        site.store.directory.rename(site.store.directory.with_name("gone"))
        assert site.ask(FEED, good, ALL_TIME).status == 503
    assert len([line for line in lines if line["event"] == "request"]) == 7
    for token in (good, revoked, "rb_unknown_0123456789abcdef"):
        assert token.split("_", 2)[2] not in str(lines)


# Regions


@ENDPOINTS
@pytest.mark.parametrize("region", HOSTS)
def test_another_region_is_named(make_site: SiteMaker, path: str, region: Region) -> None:
    """Who asks the wrong region gets 451 and the host of the right one, in both wordings that clients look for."""
    own: Region = "eu" if region == "us" else "us"
    site = make_site(ServerSettings(region=own), {ORG: OrgSettings(region=region)})
    reply = site.ask(path, site.token(), ALL_TIME)
    assert reply.status == 451
    first, second = reply.message.splitlines()
    assert first.endswith(f'should go to URL: "https://{HOSTS[region]}"')
    assert second == f"Please use {HOSTS[region]}"


@ENDPOINTS
@pytest.mark.parametrize("region", HOSTS)
def test_the_own_region_answers(make_site: SiteMaker, path: str, region: Region) -> None:
    """An org of this server's region, or of no set region, is answered; so is one that is not in the settings."""
    site = make_site(ServerSettings(region=region), {ORG: OrgSettings(region=region), OTHER_ORG: OrgSettings()})
    for org in (ORG, OTHER_ORG):
        assert site.ask(path, site.token(org=org), ALL_TIME).status == 200
    bare = make_site(ServerSettings(region=region))
    assert bare.ask(path, bare.token(), ALL_TIME).status == 200


def test_regions_are_told_to_the_org_only(make_site: SiteMaker) -> None:
    """Where an org lives is told to its own tokens, not to those who have none."""
    site = make_site(None, {ORG: OrgSettings(region="gov")})
    assert site.ask(FEED, None, ALL_TIME).status == 401
    assert site.ask(FEED, site.token(org=OTHER_ORG), ALL_TIME).status == 200
