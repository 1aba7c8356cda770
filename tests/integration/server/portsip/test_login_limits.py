"""Guessing passwords, logging in all at once, and logging in while the account changes."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from factories import Clock
from integration.server.portsip.login_site import PASSWORD, QUICK, LoginSite, code_of, credentials, form
from ringback.server.logins import Login
from ringback.server.portsip.errors import PortsipError
from ringback.server.portsip.passwords import MOST_WAITING, MOST_WRONG
from ringback.store import Store
from ringback.store.store import DATABASE_NAME
from serving import MINUTE, SECOND, Reply

SiteMaker = Callable[..., LoginSite]


@pytest.fixture
def make_site(directory: Path, clock: Clock) -> Iterator[SiteMaker]:
    """Makes web processes on one store."""
    made: list[LoginSite] = []

    def make(hasher: PasswordHasher = QUICK) -> LoginSite:
        made.append(LoginSite(Store.open(directory), clock, hasher))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(make_site: SiteMaker) -> LoginSite:
    """A web process."""
    return make_site()


def guess(site: LoginSite, username: str = "anna", times: int = MOST_WRONG) -> list[Reply]:
    """The answers to some wrong passwords."""
    return [site.log_in(username, f"wrong password {number}") for number in range(times)]


def is_locked(reply: Reply) -> bool:
    """Whether an answer says that nothing is tried for now, in the form that it should have."""
    if reply.status != 429:
        return False
    assert code_of(reply) == "TOO_MANY_REQUESTS"
    assert 1 <= int(reply.headers["retry-after"]) <= 900
    return True


def test_guessing_is_slow(site: LoginSite, clock: Clock) -> None:
    """After 10 wrong passwords in 15 minutes an account is locked, also for the right one, until the time is over."""
    site.account()
    for number in range(MOST_WRONG):
        assert [reply.status for reply in guess(site, times=1)] == [400]
        clock.now += 0 if number == MOST_WRONG - 1 else 6 * SECOND
    right, wrong = site.log_in(), guess(site, times=1)[0]
    assert is_locked(right)
    assert (right.body, right.headers["retry-after"]) == (wrong.body, wrong.headers["retry-after"])
    assert right.headers["retry-after"] == "846"
    clock.now += 846 * SECOND - 1
    assert is_locked(site.log_in())
    clock.now += 1
    assert site.log_in().status == 200


def test_one_name_however_it_is_written(site: LoginSite) -> None:
    """All forms of logging in, and all spellings of a name, are counted together."""
    site.account()
    password = "wrong password"
    for number in range(MOST_WRONG):
        if number % 3 == 0:
            reply = site.post("/api/login", credentials("ANNA@example.com", password, None))
        elif number % 3 == 1:
            reply = site.post("/api/auth/sign_in", credentials("anna", password, "EXAMPLE.com"))
        else:
            fields = {"username": "Anna", "domain": "example.com", "password": password}
            reply = site.post("/api/login/oauth/token", form(grant_type="password", **fields))
        assert reply.status == 400
    assert is_locked(site.log_in())


def test_names_cannot_be_found_out(site: LoginSite, clock: Clock) -> None:
    """Whatever is answered for an account, until and after it is locked, is answered for a name that there is not."""
    site.account()
    answers = []
    for username in ("anna", "nobody"):
        replies = guess(site, username, MOST_WRONG + 3)
        answers.append([(reply.status, reply.body, reply.headers.get("retry-after")) for reply in replies])
    assert answers[0] == answers[1]
    assert answers[0][-1][0] == 429


def test_others_are_not_locked(site: LoginSite) -> None:
    """Guessing for one name locks no other, ends no login, and hinders nobody from renewing one."""
    site.account()
    site.account("ben")
    access, refresh = site.tokens_of_login()
    guess(site)
    assert is_locked(site.log_in())
    assert site.lets_in(access)
    assert site.renew(refresh).status == 200
    assert site.log_in("ben").status == 200


def test_the_right_password_starts_again(site: LoginSite) -> None:
    """Who gets it right before the account is locked has all attempts again."""
    site.account()
    for _ in range(3):
        assert [reply.status for reply in guess(site, times=MOST_WRONG - 1)] == [400] * (MOST_WRONG - 1)
        assert site.log_in().status == 200


def test_guesses_at_once(site: LoginSite) -> None:
    """Guesses that come all at once are not more than those that come one after the other."""
    site.account()
    wrong = [("/api/login", credentials(password=f"wrong password {number}")) for number in range(15)]
    replies = site.all_at_once(wrong)
    assert sorted(reply.status for reply in replies) == [400] * MOST_WRONG + [429] * (15 - MOST_WRONG)


@pytest.mark.parametrize("given", [("a" * 257, PASSWORD, ""), ("anna", "x" * 1025, ""), ("anna", PASSWORD, "d" * 1025)])
def test_what_is_too_long_takes_no_time(site: LoginSite, given: tuple[str, str, str]) -> None:
    """A name or password that is longer than any account's is refused at once, on whatever way it comes."""
    for _ in range(MOST_WRONG + 1):
        with pytest.raises(PortsipError) as refused:
            asyncio.run(site.passwords.check(*given))
        assert (refused.value.status, refused.value.code) == (400, "UNAUTHORIZED")


def test_guessing_stores_nothing(site: LoginSite) -> None:
    """However many names a stranger makes up, nothing is written for them."""
    database = sqlite3.connect(site.store.directory / DATABASE_NAME, isolation_level=None)
    with contextlib.closing(database):

        def writes() -> object:
            return database.execute("PRAGMA data_version").fetchone()

        before = writes()
        for number in range(50):
            assert site.log_in(f"name-{number}").status == 400
        assert writes() == before
        site.account()
        assert writes() != before


def test_few_passwords_wait(make_site: SiteMaker) -> None:
    """Of many who log in at once some are told to come again, whoever they are; the others are answered."""
    site = make_site(PasswordHasher())
    site.account()
    crowd = [("/api/login", credentials(f"name-{number}")) for number in range(2 * MOST_WAITING)]
    replies = site.all_at_once(crowd)
    statuses = [reply.status for reply in replies]
    assert set(statuses) == {400, 503}
    assert statuses.count(400) >= MOST_WAITING
    refused = replies[statuses.index(503)]
    assert (code_of(refused), refused.headers["retry-after"]) == ("UNKNOWN", "2")
    assert site.log_in().status == 200, "when they are through, there is room again"


def test_a_password_that_changes_meanwhile(site: LoginSite) -> None:
    """A login whose password was right a moment ago makes no tokens, if it was changed or the account is gone now."""
    site.account()
    checked = site.accounts.verify("anna", PASSWORD, "example.com")
    assert checked is not None
    site.accounts.set_password("anna", "another password", "example.com")
    assert site.logins.begin(checked) is None
    checked = site.accounts.verify("anna", "another password", "example.com")
    assert checked is not None
    site.accounts.remove("anna", "example.com")
    assert site.logins.begin(checked) is None
    site.account()
    assert site.logins.begin(checked) is None, "the same name, but another account"
    assert site.tokens.all() == []


def test_web_processes_renew_at_once(make_site: SiteMaker, clock: Clock) -> None:
    """Two web processes never both take a refresh token, however close together it comes."""
    sites = [make_site(), make_site()]
    account = sites[0].account()
    for _ in range(20):
        login = sites[0].logins.begin(account)
        assert login is not None
        barrier = threading.Barrier(2)

        def renew(
            site: LoginSite, text: str = login.refresh_token, barrier: threading.Barrier = barrier
        ) -> Login | None:
            barrier.wait()
            return site.logins.renew(text)

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(renew, sites))
        assert [each is None for each in done].count(True) == 1
        clock.now += MINUTE


def test_web_processes_log_in_while_hashes_change(make_site: SiteMaker) -> None:
    """Logins that all find an old hash at once, of which one is made anew, all succeed."""
    make_site().account()
    stronger = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    sites = [make_site(stronger) for _ in range(4)]
    barrier = threading.Barrier(len(sites))

    def log_in(site: LoginSite) -> Login | None:
        barrier.wait()
        account = site.accounts.verify("anna", PASSWORD, "example.com")
        assert account is not None
        return site.logins.begin(account)

    with ThreadPoolExecutor(len(sites)) as pool:
        assert all(pool.map(log_in, sites))
