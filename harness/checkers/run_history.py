"""How verdicts and recovery times went over many runs.

Source: M. G. Kendall, "A new measure of rank correlation", Biometrika 30 (1938): the exact distribution of the number
of pairs that stand in their order, when there is no trend.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise

from harness.checkers.run_seen import RunSeen
from harness.model.run_history import RunHistory, RunLine, ThingHistory, Trend
from harness.model.verdict import Verdict, worst

ERROR = 0.05
"""How often a trend is told of a figure that has none, of one figure."""
_FEWEST = 5
"""With fewer figures no order is unlikely enough."""
MAX_FIGURES = 200
"""Of longer histories the latest; pairs grow with the square."""


def histories(runs: Sequence[tuple[str, RunSeen]]) -> tuple[RunHistory, ...]:
    """One history for each system, its runs by their time of day."""
    systems: dict[str, list[tuple[str, RunSeen]]] = defaultdict(list)
    for where, run in sorted(runs, key=lambda each: (each[1].header.wall, each[1].header.run)):
        systems[run.header.system].append((where, run))
    return tuple(_history(system, members) for system, members in sorted(systems.items()))


def _history(system: str, runs: Sequence[tuple[str, RunSeen]]) -> RunHistory:
    verdicts = [_verdicts(run) for _, run in runs]
    names = dict.fromkeys(key for found in verdicts for key in found)
    return RunHistory(
        system=system,
        runs=tuple(
            RunLine(
                run=run.header.run,
                wall=run.header.wall,
                where=where,
                verdict=run.verdict,
                counts=dict(Counter(found.values())),
            )
            for (where, run), found in zip(runs, verdicts, strict=True)
        ),
        things=tuple(_thing(key, [run for _, run in runs], [found.get(key) for found in verdicts]) for key in names),
    )


def _verdicts(run: RunSeen) -> dict[tuple[str, str], Verdict]:
    return {
        **{("cell", name): each.verdict for name, each in run.cells.items()},
        **{("experiment", name): worst(each.verdicts) for name, each in run.experiments.items()},
        **run.findings,
    }


def _thing(key: tuple[str, str], runs: Sequence[RunSeen], verdicts: Sequence[Verdict | None]) -> ThingHistory:
    kind, name = key
    decided = [each for each in verdicts if each in {Verdict.PASS, Verdict.FAIL}]
    recovery = tuple(_recovery(kind, name, run) for run in runs)
    return ThingHistory(
        kind=kind,
        name=name,
        verdicts=tuple(verdicts),
        changes=sum(one is not other for one, other in pairwise(decided)),
        chances=max(len(decided) - 1, 0),
        flaky_in=sum(_flaky(kind, name, run) for run in runs),
        recovery_s=recovery if any(each is not None for each in recovery) else (),
        trend=trend([each for each in recovery if each is not None]),
    )


def _recovery(kind: str, name: str, run: RunSeen) -> float | None:
    if kind == "cell":
        return run.cells[name].recovered_s if name in run.cells else None
    if kind != "experiment" or name not in run.experiments:
        return None
    return max((each for each in run.experiments[name].recoveries_s if each is not None), default=None)


def _flaky(kind: str, name: str, run: RunSeen) -> bool:
    if kind == "cell":
        return name in run.cells and run.cells[name].flaky
    return kind == "experiment" and name in run.experiments and len(set(run.experiments[name].verdicts)) > 1


def trend(figures: Sequence[float], error: float = ERROR) -> Trend:
    """Whether figures rise or fall more orderly than chance would have them; ties speak against both."""
    latest = figures[-MAX_FIGURES:]
    if len(latest) < _FEWEST:
        return Trend.UNTOLD
    rising = sum(one < other for one, other in combinations(latest, 2))
    falling = sum(one > other for one, other in combinations(latest, 2))
    if _at_least(rising, len(latest)) <= error / 2:
        return Trend.RISING
    return Trend.FALLING if _at_least(falling, len(latest)) <= error / 2 else Trend.NONE


def _at_least(pairs: int, count: int) -> float:
    """The chance that so many pairs or more, of `count` figures in any order, stand in one order."""
    ways = [1.0]
    for length in range(2, count + 1):
        ways = [part / length for part in _spread(ways, length)]
    return math.fsum(ways[pairs:])


def _spread(ways: Sequence[float], length: int) -> Iterable[float]:
    """A further figure forms none to `length` - 1 new pairs in order, each as likely."""
    window = 0.0
    for index in range(len(ways) + length - 1):
        window += ways[index] if index < len(ways) else 0.0
        window -= ways[index - length] if index >= length else 0.0
        yield max(window, 0.0)
