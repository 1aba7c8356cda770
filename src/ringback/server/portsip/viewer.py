"""Who looks at call logs: a user at their own, or an administrator at those of the whole organization."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ringback.server.exchange import token_of
from ringback.server.portsip.errors import PortsipError
from ringback.server.tokens import CALL_LOGS_SCOPE, Tokens


class PortsipViewer(msgspec.Struct, frozen=True):
    """What a token allows to see of the call logs.

    Attributes:
        org: the only organization.
        user: the only user; None for an administrator, or a queue manager, who sees the calls of all.
    """

    org: UUID
    user: str | None

    def must_be_user(self) -> str:
        """The user whose calls the paths under `/user` are about.

        Raises:
            ApiError: 403, the token is no user's.
        """
        if self.user is None:
            raise PortsipError(403, "This path is for users, and the token is not that of a user. Ask /api/cdrs.")
        return self.user


def portsip_viewer(tokens: Tokens, authorization: str) -> PortsipViewer:
    """Who is behind a request.

    Args:
        authorization: `Bearer` and the token; the value of the header.

    Raises:
        ApiError: 401, no valid token; 403, one that may not see call logs.
    """
    token = token_of(tokens, authorization)
    if CALL_LOGS_SCOPE not in token.scopes:
        raise PortsipError(403, f"The access token needs the scope {CALL_LOGS_SCOPE}.")
    return PortsipViewer(token.org, token.user)
