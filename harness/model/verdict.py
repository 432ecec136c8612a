"""The three verdicts, and how parts make a whole."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """PASS < UNKNOWN < FAIL; UNKNOWN is red."""

    PASS = "PASS"  # noqa: S105 -- a verdict, not a password
    UNKNOWN = "UNKNOWN"
    FAIL = "FAIL"

    @property
    def exit_code(self) -> int:
        """0 held, 1 refuted, 2 unknown."""
        return {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 2}[self]


_BADNESS = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of its parts; of nothing, UNKNOWN, because nothing was measured."""
    return max(verdicts, key=_BADNESS.__getitem__, default=Verdict.UNKNOWN)
