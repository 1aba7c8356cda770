"""A place in a list as the cursor of a link: a time, and the id of what is there.

It is no secret, and a made-up one shows nothing but what its user may see anyhow.
"""

from __future__ import annotations

import base64
from uuid import UUID

from ringback.server.errors import ApiError


def place_text(at: int, id: UUID) -> str:
    """The text of a place; safe in a URL as it is.

    Args:
        at: milliseconds since 1970.
    """
    return base64.urlsafe_b64encode(at.to_bytes(8, signed=True) + id.bytes).decode()


def read_place(text: str) -> tuple[int, UUID]:
    """The time and the id.

    Raises:
        ApiError: 400, it is no place.
    """
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        return int.from_bytes(raw[:8], signed=True), UUID(bytes=raw[8:])
    except ValueError as error:
        raise ApiError(400, "This is no cursor of ours. Follow the Link header just as it was given.") from error
