"""How much of this machine's processors others had while something was judged, and what that does to a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.observation import WindowKind


class Neighbours(StrEnum):
    """What becomes of a FAIL that is about time, when others had the processors."""

    DOUBT = "doubt"
    """It is UNKNOWN: on a machine of one's own it might have been well."""
    JUDGE = "judge"
    """It stays a FAIL: who runs it knows what runs beside, and that it does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who had the processors in a stretch of time; shares are of all of them together."""

    window: WindowKind
    start: float
    end: float
    cores: int
    others: float
    """What neither the harness nor the system under test had, what the hypervisor gave away included."""
    stolen: float
    """The part of `others` that the hypervisor gave to other machines."""
    idle: float
    stood: float = 0.0
    """The share of its worst few seconds in which the processors stood still within what they did, which the kernel
    does not know: the hypervisor had no time for them, and told nobody."""
    full_s: float = 0.0
    """The longest time on end in which the processors had nothing left, whoever had them."""
    who: tuple[str, ...] = ()
    """Names of the programs that had most of it, as far as they still ran at its end."""
    unknown: str = ""
    """Why nobody can tell; then the shares mean nothing."""

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.start
