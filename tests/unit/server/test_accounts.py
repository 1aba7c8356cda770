"""Accounts: names, passwords and their hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from sqlalchemy import select

from factories import ORG, OTHER_ORG, Clock
from ringback.server.accounts import MAX_DOMAIN, MAX_PASSWORD, MAX_USERNAME, AccountError, Accounts, Role
from ringback.store import Store, schema

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
STRONGER = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
PASSWORD = "correct horse battery"


class Recording(PasswordHasher):
    """Checks passwords, and remembers against which hashes."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checked: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        """As always."""
        self.checked.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store.open(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture
def accounts(store: Store) -> Accounts:
    """Its accounts."""
    return Accounts(store, Clock(), QUICK)


def stored_hash(store: Store) -> str:
    """The hash of the only account."""
    with store.read() as connection:
        return str(connection.execute(select(schema.accounts.c.password_hash)).scalar_one())


def test_an_account_is_found_by_its_name(accounts: Accounts) -> None:
    """An account has what it was made with; name and domain are one, whatever case they come in."""
    made = accounts.create("Anna", PASSWORD, domain="Example.com", org=ORG, role=Role.USER)
    assert (made.username, made.domain, made.name) == ("anna", "example.com", "anna@example.com")
    assert (made.org, made.role, made.user, made.created_at) == (ORG, Role.USER, "anna@example.com", Clock()())
    for name, domain in (("anna", "example.com"), ("ANNA@EXAMPLE.COM", ""), ("anna@example.com", "")):
        assert accounts.find(name, domain) == made
        assert accounts.get(name, domain) == made
    for name, domain in (("anna", ""), ("anna", "example.org"), ("anna@example.com", "example.com")):
        assert accounts.find(name, domain) is None


def test_whose_calls(accounts: Accounts) -> None:
    """A User is the user of its own name or the one that was given; the others are no user."""

    def user_of(name: str, role: Role = Role.USER, user: str | None = None) -> str | None:
        return accounts.create(name, PASSWORD, org=ORG, role=role, user=user).user

    assert user_of("101") == "101"
    assert user_of("101@pbx.example.com") == "101@pbx.example.com"
    assert user_of("anna", user="7546367F-CADD-4C6B-A395-DE7133A63DED") == "7546367f-cadd-4c6b-a395-de7133a63ded"
    assert user_of("admin", Role.ADMIN) is None
    assert user_of("queues", Role.QUEUE_MANAGER) is None
    for role, user in ((Role.ADMIN, "101"), (Role.QUEUE_MANAGER, "101"), (Role.USER, ""), (Role.USER, " ")):
        with pytest.raises(AccountError, match="for the role User"):
            user_of("someone", role, user)


def test_names_are_unique(accounts: Accounts) -> None:
    """There is one account of a name in all orgs together; the same username in another domain is another one."""
    accounts.create("anna", PASSWORD, domain="example.com", org=ORG, role=Role.USER)
    with pytest.raises(AccountError, match=r"There is an account anna@example\.com already"):
        accounts.create("ANNA@example.com", "another password", org=OTHER_ORG, role=Role.ADMIN)
    accounts.create("anna", PASSWORD, domain="example.org", org=OTHER_ORG, role=Role.USER)
    accounts.create("anna", PASSWORD, org=ORG, role=Role.USER)
    assert [(each.name, each.org) for each in accounts.all()] == [
        ("anna", ORG),
        ("anna@example.com", ORG),
        ("anna@example.org", OTHER_ORG),
    ]
    first = accounts.verify("anna", PASSWORD, "example.com")
    assert first is not None
    assert first.org == ORG


@pytest.mark.parametrize(
    ("username", "domain"),
    [
        ("", ""),
        ("@example.com", ""),
        ("a" * (MAX_USERNAME + 1), ""),
        ("a", "d" * (MAX_DOMAIN + 1)),
        ("a@b", "c"),
        ("a", "b@c"),
        ("a b", ""),
        ("a", "b c"),
        ("a\n", ""),
        ("a\x00", ""),
        ("a\u200b", ""),
        ("a\udc80", ""),
    ],
)
def test_names_that_are_none(accounts: Accounts, username: str, domain: str) -> None:
    """A name without a username, or with characters that nobody sees or that end a name, is refused."""
    with pytest.raises(AccountError):
        accounts.create(username, PASSWORD, domain=domain, org=ORG, role=Role.USER)
    assert accounts.all() == []


def test_longest_names_and_passwords(accounts: Accounts) -> None:
    """Names and passwords of the largest size are taken, also of characters of four bytes."""
    username, domain, password = "😀" * MAX_USERNAME, "😀" * MAX_DOMAIN, "😀" * MAX_PASSWORD
    accounts.create(username, password, domain=domain, org=ORG, role=Role.USER)
    assert accounts.verify(username, password, domain) is not None
    assert accounts.verify(username, password[:-1], domain) is None


@pytest.mark.parametrize("password", ["", "1234567", "x" * (MAX_PASSWORD + 1)])
def test_passwords_that_are_none(accounts: Accounts, password: str) -> None:
    """A password that is too short or too long is refused, when an account is made and when it is changed."""
    with pytest.raises(AccountError, match="8 to 1024 characters"):
        accounts.create("anna", password, org=ORG, role=Role.USER)
    made = accounts.create("anna", PASSWORD, org=ORG, role=Role.USER)
    with pytest.raises(AccountError, match="8 to 1024 characters"):
        accounts.set_password("anna", password)
    assert accounts.verify("anna", PASSWORD) == made


def test_every_character_of_a_password_counts(accounts: Accounts) -> None:
    """Case, spaces, control characters and the end of a long password make another one; composing does not."""
    password = " Grüße\x00 " + "x" * 200
    accounts.create("anna", password, org=ORG, role=Role.USER)
    assert accounts.verify("anna", password.replace("ü", "u\u0308")) is not None
    for other in (password.strip(), password[:-1], password.lower(), password.replace("\x00", ""), password + "x"):
        assert accounts.verify("anna", other) is None


def test_a_password_is_kept_as_a_slow_hash(store: Store) -> None:
    """What is stored is argon2id with at least the memory and passes of RFC 9106's low-memory profile, salted."""
    accounts = Accounts(store, Clock())
    accounts.create("anna", PASSWORD, org=ORG, role=Role.USER)
    first = stored_hash(store)
    parameters = extract_parameters(first)
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost) >= (64 * 1024, 3)
    accounts.set_password("anna", PASSWORD)
    assert stored_hash(store) != first
    assert accounts.verify("anna", PASSWORD) is not None
    assert accounts.verify("anna", PASSWORD + "x") is None


def test_hashes_are_made_anew(store: Store) -> None:
    """When hashes are to be stronger than a stored one, the next right password replaces it; a wrong one does not."""
    old, new = Accounts(store, Clock(), QUICK), Accounts(store, Clock(), STRONGER)
    old.create("anna", PASSWORD, org=ORG, role=Role.USER)
    before = stored_hash(store)
    assert new.verify("anna", "a wrong password") is None
    assert stored_hash(store) == before
    assert new.verify("anna", PASSWORD) is not None
    assert extract_parameters(stored_hash(store)).memory_cost == 16
    after = stored_hash(store)
    assert new.verify("anna", PASSWORD) is not None
    assert stored_hash(store) == after


class Interrupted(PasswordHasher):
    """Makes hashes, and lets something else happen just before the first."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(time_cost=2, memory_cost=16, parallelism=1)
        self._meanwhile: list[Callable[[], None]] = [meanwhile]

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """As always."""
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().hash(password, salt=salt)


def test_a_new_hash_brings_back_no_old_password(accounts: Accounts, store: Store) -> None:
    """A password that is changed while the hash of the old one is made anew stays changed."""
    accounts.create("anna", PASSWORD, org=ORG, role=Role.USER)
    stronger = Accounts(store, Clock(), Interrupted(lambda: accounts.set_password("anna", "another password")))
    assert stronger.verify("anna", PASSWORD) is None
    assert stronger.verify("anna", "another password") is not None


def test_unknown_names_take_as_long(store: Store) -> None:
    """For a name that there is not, one hash is checked as well, which costs as much as that of an account."""
    hasher = Recording()
    accounts = Accounts(store, Clock(), hasher)
    accounts.create("anna", PASSWORD, org=ORG, role=Role.USER)
    for name in ("anna", "nobody", "anna@example.com", "\x00"):
        assert accounts.verify(name, "a wrong password") is None
    assert len(hasher.checked) == 4
    known, *unknown = (extract_parameters(each) for each in hasher.checked)
    assert unknown == [known] * 3


def test_changes_need_an_account(accounts: Accounts) -> None:
    """What is not there cannot be changed or removed; the error says how to see what there is."""
    for change in (
        lambda: accounts.remove("anna", "example.com"),
        lambda: accounts.set_password("anna", PASSWORD, "example.com"),
        lambda: accounts.get("anna", "example.com"),
    ):
        with pytest.raises(AccountError, match=r"no account anna@example\.com\. 'ringback account list'"):
            change()


def test_an_account_shows_no_hash(accounts: Accounts, store: Store) -> None:
    """What an account prints as tells nothing of its password."""
    made = accounts.create("anna", PASSWORD, org=ORG, role=Role.USER)
    digest = stored_hash(store).rpartition("$")[2]
    assert digest not in repr(made)
    assert PASSWORD not in repr(made)
