"""Who looks at a call history: a user at their own, or an administrator at that of any user of the organization."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ringback.records.values import user_key
from ringback.server.errors import ApiError
from ringback.server.exchange import token_of
from ringback.server.tokens import HISTORY_ADMIN_SCOPE, HISTORY_SCOPE, HISTORY_WRITE_SCOPE, Tokens


class Viewer(msgspec.Struct, frozen=True):
    """What a token allows to see of the call history.

    Attributes:
        org: the only organization.
        user: the only user; None for an administrator, who may see every user of the organization.
        may_write: whether entries may be marked as read, and deleted. Only users may, and only their own.
    """

    org: UUID
    user: str | None
    may_write: bool

    def must_write(self) -> str:
        """The user whose history may be changed.

        Raises:
            ApiError: 403, none may.
        """
        if self.user is None or not self.may_write:
            raise ApiError(403, f"This needs a token of the user with the scope {HISTORY_WRITE_SCOPE}.")
        return self.user

    def of(self, user: str | None) -> str:
        """The user to look at, if a request names this one.

        Raises:
            ApiError: 403, it is not the viewer's own history; 400, an administrator must name a user.
        """
        user = None if user is None else user_key(user)
        if self.user is not None:
            if user not in (None, self.user):
                raise ApiError(403, "This token may see the call history of its own user only.")
            return self.user
        if not user:
            raise ApiError(400, "A token of an administrator must say whose history it is: add user=<uuid>.")
        return user


def viewer_of(tokens: Tokens, authorization: str) -> Viewer:
    """Who is behind a request.

    Args:
        authorization: `Bearer` and the token; the value of the header.

    Raises:
        ApiError: 401, no valid token; 403, one that may not see call history.
    """
    token = token_of(tokens, authorization)
    needed = HISTORY_ADMIN_SCOPE if token.user is None else HISTORY_SCOPE
    if needed not in token.scopes:
        raise ApiError(403, f"The access token needs the scope {needed}.")
    may_write = token.user is not None and HISTORY_WRITE_SCOPE in token.scopes
    return Viewer(token.org, token.user, may_write)
