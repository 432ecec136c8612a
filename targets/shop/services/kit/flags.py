"""Feature flags: an in-process copy of what the registry holds, and choices that stay the same for the same subject."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

Value = bool | float
"""On or off, or the share of subjects for whom it is on, from 0 to 1."""


class Flags:
    """What was last heard of the flags; asking costs no call, and an unknown flag is what the asker says it is."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}

    def take(self, values: Mapping[str, Value]) -> None:
        """These are the flags now."""
        self._values = dict(values)

    def knows(self, name: str) -> bool:
        """Whether anything was ever heard of it."""
        return name in self._values

    def on(self, name: str, default: bool = False) -> bool:  # noqa: FBT001, FBT002 -- a flag's value is a bool
        """Whether it is on, for anybody at all."""
        return self._values.get(name, default) > 0

    def share(self, name: str, default: float = 0.0) -> float:
        """The share of subjects for whom it is on."""
        return float(self._values.get(name, default))

    def chosen(self, name: str, subject: str, default: float = 0.0) -> bool:
        """Whether this subject is in the share; when the share grows nobody leaves it."""
        return position(name, subject) < self.share(name, default)

    def variant(self, name: str, subject: str, variants: Sequence[str] = ("a", "b")) -> str:
        """The variant of an experiment that falls to this subject."""
        return variants[int(position(name, subject) * len(variants))]

    def health(self) -> dict[str, object]:
        """What is known, for people."""
        return dict(self._values)


def position(name: str, subject: str) -> float:
    """Where a subject stands from 0 to below 1; elsewhere for each flag, so that experiments don't coincide."""
    digest = hashlib.sha256(f"{name}:{subject}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
