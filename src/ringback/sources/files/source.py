"""Bytes in pieces of any size, with a look ahead, and with damage as an early end."""

from __future__ import annotations

from collections.abc import Iterator

from ringback.sources.files.items import Damaged


class Source:
    """A stream of bytes that ends where its data does or where it cannot be read further.

    Readers of formats see only an end, so each of them hands out everything before the damage without caring for it.

    Attributes:
        damage: why it ended early; None as long as nothing is wrong.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.damage: Damaged | None = None
        self._pieces = pieces
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The next bytes without taking them: at least `size`, fewer only at the end."""
        while len(self._ahead) < size and (piece := self._next()):
            self._ahead += piece
        return self._ahead

    def read(self) -> bytes:
        """Some bytes; none at the end."""
        piece, self._ahead = self._ahead, b""
        return piece or self._next()

    def give_back(self, data: bytes) -> None:
        """Put bytes that were read in front of what comes next."""
        self._ahead = data + self._ahead

    def pieces(self) -> Iterator[bytes]:
        """All that is left.

        Raises:
            Damaged: it ended early.
        """
        while piece := self.read():
            yield piece
        if self.damage:
            raise self.damage

    def _next(self) -> bytes:
        try:
            return next((piece for piece in self._pieces if piece), b"")
        except Damaged as damage:
            self.damage = damage
            return b""
