"""The story of a call in one sentence, made of the steps of its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ringback.projections.calls.story.model import Outcome, Step, What

_SOMEBODY = "somebody"
_ANONYMOUS = "an anonymous caller"
_MOST_NAMES = 3
"""More than this many that did the same are counted, not named."""

_MOST_PARTS = 25
"""Where more happened, the sentence says so, and leaves it to the timeline."""

_DID: dict[What, str] = {
    "called": "called {to}",
    "missed": "did not answer",
    "busy": "was busy",
    "rejected": "declined",
    "blocked": "was blocked",
    "failed": "could not be reached",
    "answered": "answered",
    "queued": "waited in {to}",
    "forwarded": "forwarded the call to {to}",
    "transferred": "transferred the call to {to}",
    "parked": "parked the call",
    "retrieved": "took it up",
    "recalled": "got it back",
    "picked_up": "picked it up",
    "barged_in": "joined in",
    "voicemail": "answered",
}
"""What is said of each step. Of the others nothing is said."""

_ENDS: dict[Outcome, str] = {"abandoned_in_queue": "gave up", "cancelled": "hung up"}
"""What is said of a caller whose call ended so."""


class _Part:
    """What some subjects did, one thing after the other; the last one may be about somebody else."""

    __slots__ = ("did", "subjects", "to", "what")

    def __init__(self, subject: str, what: What, did: str, to: str) -> None:
        self.subjects = [subject]
        self.what = what
        self.did = [did]
        self.to = to


def sentence_of(steps: Sequence[Step], services: frozenset[str], outcome: Outcome) -> str:
    """The sentence.

    Args:
        steps: in order of time.
        services: how those who are no persons stand in the steps.
        outcome: of the call.
    """
    parts: list[_Part] = []
    for step in steps:
        _add(parts, step, services)
    if not parts:
        return ""
    caller = parts[0].subjects[0]
    if outcome == "abandoned_in_queue" or (outcome == "cancelled" and parts[-1].what in ("called", "answered")):
        _append(parts, caller, "released", _ENDS[outcome], "")
    if (more := len(parts) - _MOST_PARTS) > 0:
        parts[_MOST_PARTS:] = [_Part(f"{more} more steps", "released", "followed", "")]
    text = "".join(_written(parts, services))
    return f"{text[:1].upper()}{text[1:]}."


def _add(parts: list[_Part], step: Step, services: frozenset[str]) -> None:
    did = _DID.get(step.what)
    if did is None:
        return
    what, to = step.what, step.to
    who = step.who or (_ANONYMOUS if what in ("called", "queued") else _SOMEBODY)
    last = parts[-1] if parts else None
    if what == "called" and last and last.what == what and last.subjects == [who]:
        last.did[-1] += f" and {to or _SOMEBODY}"
        last.to = ""
        return
    if what == "blocked":
        who = "the call"
    elif what == "voicemail":
        # Who called it has just been said to call it by its name.
        who, to = (to if last and last.to == to else "voicemail"), ""
    elif what == "queued" and last and last.to == to:
        did, to = "waited there", ""
    if last and last.what == what and not to and who not in services and last.subjects[0] not in services:
        last.subjects.append(who)
    else:
        _append(parts, who, what, did.format(to=to or _SOMEBODY), to)


def _append(parts: list[_Part], who: str, what: What, did: str, to: str) -> None:
    if parts and parts[-1].subjects == [who]:
        last = parts[-1]
        last.did.append(did)
        last.what, last.to = what, to
    else:
        parts.append(_Part(who, what, did, to))


def _written(parts: Sequence[_Part], services: frozenset[str]) -> Iterator[str]:
    """The parts, joined: those about whom the last one was about with `who`, the others as clauses of their own."""
    anew = [place for place, part in enumerate(parts) if place and part.subjects != [parts[place - 1].to]]
    last_anew = anew[-1] if anew else 0
    before = parts[0]
    yield f"{_names(before.subjects)} {_listed(before.did)}"
    for place, part in enumerate(parts[1:], 1):
        did = _listed(part.did)
        if part.subjects == [before.to]:
            yield f", {'which' if before.to in services else 'who'} {did}"
        else:
            yield f", {'and ' if place == last_anew else ''}{_names(part.subjects)} {did}"
        before = part


def _names(subjects: Sequence[str]) -> str:
    names = list(subjects)
    if len(names) > _MOST_NAMES + 1:
        names[_MOST_NAMES:] = [f"{len(names) - _MOST_NAMES} others"]
    return _listed(names)


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
