"""What got better or worse from one run to another, and with what certainty.

Shares of bad answers have exact bounds that all hold together: the error rate is spent on them beforehand, as in
`load_compare`. A verdict has none; what is told of it is how often it came out so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.checkers.run_seen import ExperimentSeen, RunSeen
from harness.checkers.statistics import rise
from harness.model.matrix import CellVerdict
from harness.model.run_compared import RunChange, RunComparison, Turn
from harness.model.verdict import Verdict, worst

ERROR = 0.05
"""How often two runs of the same have a share called different anywhere."""
ALLOWED = 0.05
"""VERDICTS V1: a rise of bad answers of so much is told, and is not called worse."""


def compare_runs(before: RunSeen, after: RunSeen, *, error: float = ERROR, allowed: float = ALLOWED) -> RunComparison:
    """Everything that one of the two runs judged."""
    changes = [*_cells(before, after), *_experiments(before, after), *_shares(before, after, error, allowed)]
    changes.extend(_findings(before, after))
    return RunComparison(
        changes=tuple(changes),
        trouble=tuple(_trouble(before, after)),
        remarks=tuple(_remarks(before, after)),
        error=error,
        allowed=allowed,
    )


def _trouble(before: RunSeen, after: RunSeen) -> Iterator[str]:
    if before.header.system != after.header.system:
        yield f"A is of the system '{before.header.system}', B of '{after.header.system}'"
    for name, run in (("A", before), ("B", after)):
        if not (run.cells or run.experiments or run.findings):
            yield f"{name} judged nothing"


def _remarks(before: RunSeen, after: RunSeen) -> Iterator[str]:
    for name, run in (("A", before), ("B", after)):
        if run.verdict is None:
            yield f"{name} was cut short: what it did not reach is not judged in it"
    if before.header.harness != after.header.harness:
        yield f"A was made by version {before.header.harness} of the harness, B by {after.header.harness}"
    if before.header.seed != after.header.seed:
        yield f"their seeds differ: {before.header.seed}, {after.header.seed}"


def _cells(before: RunSeen, after: RunSeen) -> Iterator[RunChange]:
    for name in dict.fromkeys((*before.cells, *after.cells)):
        one, other = before.cells.get(name), after.cells.get(name)
        flaky = [run for run, cell in (("A", one), ("B", other)) if cell and cell.flaky]
        yield _judged(
            "cell",
            name,
            one.verdict if one else None,
            other.verdict if other else None,
            certainty=", ".join(f"{run} {_trials(cell)}" for run, cell in (("A", one), ("B", other)) if cell),
            flaky=flaky,
        )


def _trials(cell: CellVerdict) -> str:
    if cell.flaky:
        return f"now so, now so in {cell.trials} trials"
    if cell.stands:
        return f"taken from {cell.stands}"
    return "once" if cell.trials == 1 else f"{cell.trials} of {cell.trials} trials"


def _experiments(before: RunSeen, after: RunSeen) -> Iterator[RunChange]:
    for name in dict.fromkeys((*before.experiments, *after.experiments)):
        one, other = before.experiments.get(name), after.experiments.get(name)
        pair = (("A", one), ("B", other))
        words = [f"{run} {_times(each)}" for run, each in pair if each]
        if one and other and (told := _recovery(one, other)):
            words.append(told)
        yield _judged(
            "experiment",
            name,
            worst(one.verdicts) if one else None,
            worst(other.verdicts) if other else None,
            certainty=", ".join(words),
            flaky=[run for run, each in pair if each and len(set(each.verdicts)) > 1],
        )


def _times(seen: ExperimentSeen) -> str:
    if len(seen.verdicts) == 1:
        return "once"
    same = seen.verdicts.count(worst(seen.verdicts))
    return f"{same} of {len(seen.verdicts)} times"


def _recovery(before: ExperimentSeen, after: ExperimentSeen) -> str:
    """Told without a judgement: of a figure or two nobody knows how much of it is chance."""
    one, other = (max((s for s in each.recoveries_s if s is not None), default=None) for each in (before, after))
    if one is None or other is None:
        return ""
    return f"well again after {one:.1f} s, then {other:.1f} s (chance is not excluded)"


def _findings(before: RunSeen, after: RunSeen) -> Iterator[RunChange]:
    for kind, name in dict.fromkeys((*before.findings, *after.findings)):
        one, other = before.findings.get((kind, name)), after.findings.get((kind, name))
        yield _judged(kind, name, one, other, certainty="as each run judged it, once", flaky=())


def _judged(  # noqa: PLR0913 -- one thing, two verdicts, and what they rest on
    kind: str, name: str, before: Verdict | None, after: Verdict | None, *, certainty: str, flaky: Sequence[str]
) -> RunChange:
    turn = _turn(before, after)
    if flaky and turn in {Turn.WORSE, Turn.BETTER}:
        turn = Turn.UNTOLD
    return RunChange(kind=kind, name=name, turn=turn, before=before or "", after=after or "", certainty=certainty)


def _turn(before: Verdict | None, after: Verdict | None) -> Turn:
    match before, after:
        case None, Verdict.FAIL:
            # It may have been as bad when nobody looked.
            return Turn.UNTOLD
        case None, _:
            return Turn.NEW
        case _, None:
            return Turn.GONE
        case (Verdict.UNKNOWN, _) | (_, Verdict.UNKNOWN):
            return Turn.UNTOLD
        case _ if before is after:
            return Turn.ALIKE
        case _:
            return Turn.WORSE if after is Verdict.FAIL else Turn.BETTER


def _shares(before: RunSeen, after: RunSeen, error: float, allowed: float) -> Iterator[RunChange]:
    pairs = [
        (f"{name}, {journey}", one.bad[journey], other.bad[journey])
        for name, one in before.experiments.items()
        if (other := after.experiments.get(name)) is not None
        for journey in one.bad
        if journey in other.bad
    ]
    alpha = error / max(len(pairs), 1) / 2
    for name, bad_before, bad_after in pairs:
        yield _share(name, bad_before, bad_after, alpha, allowed)


def _share(name: str, before: tuple[int, int], after: tuple[int, int], alpha: float, allowed: float) -> RunChange:
    found = rise(*after, *before, alpha)
    if found.lower > 0:
        turn = Turn.WORSE if found.lower > allowed else Turn.WITHIN
        words = f"more by {found.lower * 100:.2g} points at least"
    elif (less := -rise(*before, *after, alpha).lower) < 0:
        turn, words = Turn.BETTER, f"less by {-less * 100:.2g} points at least"
    else:
        turn, words = Turn.ALIKE, f"a rise above {found.upper * 100:.2g} points is excluded"
    return RunChange(kind="bad answers", name=name, turn=turn, before=_of(before), after=_of(after), certainty=words)


def _of(counted: tuple[int, int]) -> str:
    bad, total = counted
    return f"{100 * bad / total:.3g} % of {total}"
