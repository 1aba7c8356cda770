"""The body of an error, in the form of the dialect that the path belongs to."""

from __future__ import annotations

from ringback.server.errors import ApiError
from ringback.server.janus import BASE
from ringback.server.portsip.errors import is_portsip, portsip_body


def error_body(path: str, error: ApiError, tracking_id: str) -> bytes:
    """The JSON body of an error.

    Args:
        path: of the request. Below `/api` the form is that of PortSIP, else that of the Webex APIs.
    """
    if is_portsip(path):
        return portsip_body(error)
    return error.body(tracking_id, with_status=path.startswith(BASE))
