"""Secrets of sources, and the tokens that are got with them. Nothing here is ever logged or shown."""

from __future__ import annotations

import contextlib
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path


class CredentialsError(Exception):
    """A secret cannot be read; the message says where it was looked for. It never has the secret."""


class Secret:
    """A text in an environment variable or a file, read anew each time, so that it can be changed.

    Args:
        what: tells people which one it is.
    """

    def __init__(self, what: str, variable: str, file: str, environment: Mapping[str, str]) -> None:
        self._what = what
        self._variable = variable
        self._file = Path(file) if file else None
        self._environment = environment

    def read(self) -> str:
        """The secret.

        Raises:
            CredentialsError: it is not there.
        """
        if self._file is None:
            text = self._environment.get(self._variable, "")
            where = f"the environment variable {self._variable}"
        else:
            where = f"the file {self._file}"
            try:
                text = self._file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CredentialsError(f"The {self._what} cannot be read from {where}: {error}.") from error
        if not (text := text.strip()):
            raise CredentialsError(f"The {self._what} is not in {where}. Put it there.")
        return text

    def replace(self, text: str) -> bool:
        """Put another one in its place, if it is in a file: whole or not at all.

        Returns:
            whether it could be kept.
        """
        if self._file is None:
            return False
        new = self._file.with_name(f".{self._file.name}.new")
        try:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._file)
        except OSError:
            return False
        return True


class Credentials(ABC):
    """Gives access tokens. Safe to use from several threads; sources with the same credentials share one.

    Attributes:
        key: the same for the same credentials; tells nothing about them.
    """

    key: str

    @abstractmethod
    def token(self) -> str:
        """A token for the next request."""

    @abstractmethod
    def renewed(self, refused: str) -> str:
        """Another token than the one that was refused; the same one if there is no other."""


class TokenCredentials(Credentials):
    """An access token that somebody else renews."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self.key = key_of(secret.read())

    def token(self) -> str:
        """The token that is there now."""
        return self._secret.read()

    def renewed(self, refused: str) -> str:
        """The token that is there now: it may have been changed."""
        return self._secret.read()


def key_of(text: str) -> str:
    """The same for the same secret; tells nothing about it."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
