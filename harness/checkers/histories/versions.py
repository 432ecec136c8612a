"""Versions that a thing's answers tell: a number that grows with each change must not go back for a session."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from harness.checkers.histories.acts import Act
from harness.checkers.histories.proof import Trial, told
from harness.checkers.histories.registers import Thing


def versions_kept(trial: Trial, thing: Thing, version: str, *, after: str) -> None:
    """No read tells a smaller version than an earlier act of its session, of those that are `writes` or `reads`."""
    earlier = [act for act in thing.acts if (act.writes if after == "writes" else act.saw is not None)]
    highest = _highest(earlier, version)
    for read in thing.reads:
        found = read.version.get(version)
        before = highest.get(read.session, _NONE).before(read.start)
        if found is None or before is None:
            continue
        trial.tested += 1
        known = before.version[version]
        if found < known:
            reason = (
                f"{told(read)}, found {version} {found:.16g} of {read.thing}, "
                f"although {told(before)}, had told {version} {known:.16g}"
            )
            trial.refute(reason, (before, read))


class _Highest:
    """Of some acts, the one with the highest version among those that had ended before a moment."""

    def __init__(self) -> None:
        self._ends: list[float] = []
        self._best: list[Act] = []

    def add(self, act: Act, version: str) -> None:
        best = self._best[-1] if self._best else act
        self._ends.append(act.end)
        self._best.append(act if act.version[version] >= best.version[version] else best)

    def before(self, t: float) -> Act | None:
        count = bisect_left(self._ends, t)
        return self._best[count - 1] if count else None


_NONE = _Highest()


def _highest(acts: Iterable[Act], version: str) -> dict[str, _Highest]:
    found: dict[str, _Highest] = {}
    for act in sorted((act for act in acts if act.acknowledged), key=lambda act: act.end):
        if version in act.version:
            found.setdefault(act.session, _Highest()).add(act, version)
    return found
