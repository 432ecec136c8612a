"""What the harness sends along when it asks a service directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Headers that hold secrets of the run, and how those are taken out of what is written down or shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redact: Callable[[str], str] = field(default=_as_it_is, repr=False)


NONE = Credentials()
