"""What both clients have in common: who asks whom, and what is asked for by each method."""

from __future__ import annotations

from datetime import datetime

from ringback.clients.calllogs.access import Access, Credentials, GivenAccess, LoginAccess
from ringback.clients.calllogs.addresses import CALL_LOGS, CDRS, USER_CDRS, Addresses
from ringback.clients.calllogs.answers import (
    Changes,
    read_cdr,
    read_changes,
    read_count,
    read_one,
    read_sync_token,
    read_user_cdr,
)
from ringback.clients.calllogs.errors import NotAllowed, SyncTokenUnknown
from ringback.clients.calllogs.exchange import Exchange
from ringback.clients.calllogs.options import CallLogsOptions, LoginForm
from ringback.clients.calllogs.pages import Pager
from ringback.clients.calllogs.selection import Selection, Wanted, ask_for, check_keywords, wire_time
from ringback.clients.calllogs.steps import Request, Steps
from ringback.clients.errors import UsageError
from ringback.clients.times import read_moment
from ringback.clients.tokens import GivenTokens, Refresh
from ringback.records.portsip.call_log import CallLog

_SYNC_TOKENS = (*USER_CDRS, "sync_tokens")


class Calls:
    """The calls of one client as steps. The arguments are those of `CallLogsClient`.

    Attributes:
        access: gives the token.
        options: how requests are made.

    Raises:
        UsageError: neither a token nor a login is given, or both; or an argument is none of its kind.
    """

    def __init__(
        self,
        base_url: str,
        token: GivenTokens,
        refresh: Refresh | None,
        credentials: Credentials | None,
        login: LoginForm | str | None,
        options: CallLogsOptions | None,
    ) -> None:
        self.options = options or CallLogsOptions()
        self._addresses = Addresses(base_url, self.options)
        self._exchange = Exchange(self.options)
        self.access: Access
        if token is not None and credentials is None:
            self.access = GivenAccess(token, refresh)
        elif token is None and credentials is not None:
            form = None if login is None else _form(login)
            self.access = LoginAccess(self._exchange, self._addresses, credentials, form, self.options)
        else:
            raise UsageError("give either token=..., or username=... and password=...")

    def pager(self, path: tuple[str, ...], wanted: Wanted) -> Pager:
        """The pages of a list."""
        return Pager(self._exchange, self._addresses, path, wanted, self.options)

    def count(self, selection: Selection) -> Steps[int]:
        """How many call logs there are."""
        check_keywords(selection, Selection)
        asked = ask_for(selection).parameters | {"count": "true", "top": "1"}
        request = Request(method="GET", url=self._addresses.of_list(CALL_LOGS, asked))
        return self._exchange.fetch(request, read_count)

    def get(self, call_log_id: str) -> Steps[CallLog]:
        """One call log."""
        return self._exchange.fetch(self._get(*CALL_LOGS, call_log_id), read_one)

    def cdr(self, cdr_id: str) -> Steps[tuple[CallLog, ...]]:
        """The rows of one CDR."""
        request = Request(method="GET", url=self._addresses.of(*CDRS, cdr_id), or_post=True)
        return self._exchange.fetch(request, lambda answer: read_cdr(answer, cdr_id))

    def user_cdr(self, cdr_id: str) -> Steps[CallLog]:
        """One CDR of the user."""
        return self._exchange.fetch(self._get(*USER_CDRS, cdr_id), lambda answer: read_user_cdr(answer, cdr_id))

    def sync_token(self, date_from: datetime | str | None) -> Steps[str]:
        """A new sync token."""
        query = {} if date_from is None else {"date_from": wire_time(read_moment("date_from", date_from))}
        return self._exchange.fetch(self._post(*_SYNC_TOKENS, query=query), read_sync_token)

    def changes(self, token: str) -> Steps[Changes]:
        """What happened since a sync token."""
        try:
            return (yield from self._exchange.fetch(self._post(*_SYNC_TOKENS, token, "diff"), read_changes))
        except NotAllowed as error:
            if error.status == 403:
                advice = "Get a new sync token, then read everything again"
                raise SyncTokenUnknown(error.response, advice) from None
            raise

    def _get(self, *path: str) -> Request:
        return Request(method="GET", url=self._addresses.of(*path))

    def _post(self, *path: str, query: dict[str, str] | None = None) -> Request:
        return Request(method="POST", url=self._addresses.of(*path, query=query))


def credentials_of(username: str | None, password: str | None, domain: str | None) -> Credentials | None:
    """Who logs in; None if nobody is to.

    Raises:
        UsageError: only a part of it is given.
    """
    if username is None and password is None and domain is None:
        return None
    if not username or not password:
        raise UsageError("a login needs username=... and password=...")
    return Credentials(username=username, password=password, domain=domain)


def _form(login: LoginForm | str) -> LoginForm:
    try:
        return LoginForm(login)
    except ValueError:
        raise UsageError(f"there is no login form {login!r}; they are {', '.join(LoginForm)}") from None
