"""A run's events in a line each, and the times in which faults were in force."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model.events import (
    Event,
    FindingMade,
    InjectionArmed,
    InjectionHealed,
    LoadPhaseEnded,
    PhaseEnded,
    RunEnded,
)
from harness.model.load_events import Noted, WorkerJoined, WorkerLost
from harness.model.verdict import Verdict

LINES_LIMIT = 500
"""Events that are remembered; the journal has all."""

Line = dict[str, str | float]


def line_of(event: Event, number: int) -> Line | None:  # noqa: PLR0911 -- a line for each kind of event
    """What is told of an event; None of what the charts show."""
    match event:
        case InjectionArmed(t=t, what=what, armed=armed):
            words = "in force" if armed.in_force else "did not bite"
            return _line(number, t, "fault", f"{what}: {words} after {armed.took_s:.2f} s ({armed.evidence})")
        case InjectionHealed(t=t, what=what, healed=healed):
            words = f"healed ({healed.by})" if healed.verified else "NOT healed"
            return _line(number, t, "heal", f"{what}: {words} after {healed.took_s:.2f} s ({healed.evidence})")
        case LoadPhaseEnded(t=t, name=name, start=start):
            return _line(number, t, "load", f"{name} is over, after {t - start:.1f} s")
        case PhaseEnded(t=t, name=name, took_s=took_s):
            return _line(number, t, "run", f"{name} is done, in {took_s:.1f} s")
        case WorkerJoined(t=t, worker=worker, machine=machine):
            return _line(number, t, "load", f"the generator {worker} on {machine} has joined")
        case WorkerLost(t=t, worker=worker, machine=machine, why=why):
            return _line(number, t, "trouble", f"the generator {worker} on {machine} is lost: {why}")
        case Noted(t=t, message=message):
            return _line(number, t, "note", message)
        case FindingMade(t=t, finding=finding):
            kind = "finding" if finding.verdict is Verdict.PASS else "trouble"
            return _line(number, t, kind, f"{finding.verdict}: {finding.subject}: {finding.reason}")
        case RunEnded(t=t, verdict=verdict, reason=reason):
            return _line(number, t, "run", f"{verdict}: {reason}")
        case _:
            return None


def _line(number: int, t: float, kind: str, text: str) -> Line:
    return {"n": number, "t": t, "kind": kind, "text": text}


class Told:
    """What was told so far."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._windows: dict[str, dict[str, str | float | None]] = {}
        self._count = 0

    def hear(self, event: Event) -> None:
        """Remember what is to be told."""
        if (line := line_of(event, self._count + 1)) is not None:
            self._count += 1
            self._lines.append(line)
            del self._lines[:-LINES_LIMIT]
        match event:
            case InjectionArmed(injection=name, what=what, t=t, armed=armed) if armed.in_force:
                self._windows[name] = {"what": what, "start": t - armed.took_s + (armed.on_s or 0.0), "end": None}
                if len(self._windows) > LINES_LIMIT:
                    del self._windows[next(iter(self._windows))]
            case InjectionHealed(injection=name, t=t, healed=healed) if name in self._windows and healed.verified:
                self._windows[name]["end"] = t
            case _:
                pass

    def after(self, number: int) -> Sequence[Line]:
        """The lines with higher numbers."""
        return [each for each in self._lines if float(each["n"]) > number]

    @property
    def windows(self) -> list[dict[str, str | float | None]]:
        """Each fault with when it began and ended; one that is in force has no end."""
        return list(self._windows.values())
