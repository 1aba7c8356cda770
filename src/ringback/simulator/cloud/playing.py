"""What it takes to play any service as a process: reading a scenario, waiting, telling what happened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


class ScenarioError(ValueError):
    """A scenario that cannot be read; the message says why."""


def decode_scenario(file: Path, scenario: type[S]) -> S:
    """The scenario of a TOML file.

    Raises:
        ScenarioError: it cannot be read, or a name or value in it is not known.
    """
    try:
        return msgspec.toml.decode(file.read_bytes(), type=scenario)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, ValueError) as error:
        raise ScenarioError(f"The scenario {file} cannot be read: {error}.") from error


class _Asked(Protocol):
    records: int


class _Audit(Protocol):
    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[_Asked]: ...

    def problems(self) -> Sequence[str]: ...


class _Service(Protocol):
    @property
    def audit(self) -> _Audit: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def play(
    service: _Service,
    introduction: Callable[[], str],
    sent: str,
    show: Callable[[str], None],
    stop: threading.Event | None,
) -> int:
    """Let a service answer until it is stopped, by the event or by Ctrl-C; then tell what clients did wrong.

    Args:
        introduction: what to say first, when it answers.
        sent: what it sends, in the plural.

    Returns:
        how many problems the audit found.
    """
    with service:
        show(introduction())
        try:
            (stop or threading.Event()).wait()
        except KeyboardInterrupt:
            show("")
    audit = service.audit
    problems = audit.problems()
    show(f"{len(audit):,} requests, {sum(asked.records for asked in audit):,} {sent} sent")
    for problem in problems:
        show(f"  {problem}")
    show(f"{len(problems)} problems" if problems else "no problems")
    return len(problems)


def source_lines(settings: Mapping[str, object]) -> list[str]:
    """A source for `ringback.toml`, with a blank line behind it."""
    values = (f"  {name} = {msgspec.json.encode(value).decode()}" for name, value in settings.items())
    return ["  [[sources]]", *values, ""]
