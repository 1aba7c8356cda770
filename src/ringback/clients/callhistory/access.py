"""The access token of a client, and a new one when it is refused."""

from __future__ import annotations

import asyncio
import inspect

from ringback.clients.callhistory.errors import NoToken
from ringback.clients.tokens import GivenTokens, Refresh, TokenSource


class Access:
    """Gives the token to requests and to the connection; whoever finds it refused first gets a new one for all.

    Args:
        tokens, refresh: see `ringback.clients.tokens.TokenSource`; functions may be coroutine functions.

    Raises:
        UsageError: there is no token, or it cannot be one.
    """

    def __init__(self, tokens: GivenTokens, refresh: Refresh | None) -> None:
        self._source = TokenSource(tokens, refresh)
        self._renewing = asyncio.Lock()
        if (given := self._source.in_hand()) is not None:
            self._source.keep(given)  # to be told of a wrong one now

    async def token(self, refused: str | None = None) -> str:
        """The token, another one than `refused` if there is a way to get one.

        Raises:
            NoToken: the function that gives it failed, or gave none.
        """
        async with self._renewing:
            if (token := self._source.in_hand(refused)) is not None:
                return token
            try:
                another = self._source.another(refused)
                return self._source.keep(await another if inspect.isawaitable(another) else another)
            except Exception as error:  # whatever the program's function raises
                raise NoToken(f"no access token: {type(error).__name__}") from error
