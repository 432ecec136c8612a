"""Judges whether a consumer copes with an answer that it has never seen and that its provider may give.

By the defaults of the matrix, with three differences. Nothing is broken, so that a refusal with a 5xx is no excuse.
What the consumer passes on may look different, so that its answers are held against its own document, where it has
one, instead of against those from before. And a customer who finds nothing to choose from is told so, and not wronged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.checkers.cells import judge
from harness.checkers.clean_class import CleanClass, described, is_success
from harness.checkers.shape import Shape
from harness.checkers.trial import Owed, Trial
from harness.model.matrix import CellFinding, CellVerdict, Rule
from harness.model.verdict import Verdict, worst
from harness.model.visits import Visit

_SERVER_ERROR = 500
EVIDENCE_LIMIT = 5


def coped(trial: Trial, owed: Owed, *, undeclared: Sequence[str] = ()) -> CellVerdict:
    """The verdict on one such answer.

    Args:
        trial: what happened; what was counted as crossing are the answers that reached the consumer.
        owed: what a cell is held to.
        undeclared: in what the customers' answers break the consumer's own document, and did not before.
    """
    eased = replace(
        trial, clean=_eased(trial.clean), visits=tuple(_without_check(visit) for visit in trial.visits), delay_s=0.0
    )
    verdict = judge(eased, owed)
    unknown = [each for each in verdict.findings if each.verdict is Verdict.UNKNOWN]
    if not unknown and not trial.crossed.count:
        reason = "not crossed: no answer that was changed reached the consumer"
        unknown = [CellFinding(rule=Rule.NOT_CROSSED, verdict=Verdict.UNKNOWN, reason=reason)]
    found = unknown or [*_refused(trial), *_undeclared(undeclared), *verdict.findings]
    if not found:
        told = tuple(f"the journey's own check: {visit.failed}" for visit in trial.visits if visit.failed)
        return replace(verdict, findings=(), verdict=Verdict.PASS, remarks=(*verdict.remarks, *told[:1]))
    return replace(
        verdict, findings=tuple(found), verdict=worst(each.verdict for each in found), reason=found[0].reason
    )


def _refused(trial: Trial) -> Iterator[CellFinding]:
    """Refusals that the matrix would let pass, since there something is broken."""
    hits = []
    for visit in trial.visits:
        for exchange in visit.exchanges:
            step = trial.clean.steps.get(exchange.step)
            status = exchange.status or 0
            if exchange.trouble is None and status >= _SERVER_ERROR and (step is None or status not in step.statuses):
                hits.append(described(exchange))
    if hits:
        reason = f"{hits[0]}: refused, though the provider's answer is valid"
        yield CellFinding(rule=Rule.ERROR, verdict=Verdict.FAIL, reason=reason, evidence=tuple(hits[:EVIDENCE_LIMIT]))


def _undeclared(problems: Sequence[str]) -> Iterator[CellFinding]:
    if problems:
        reason = f"its own answer breaks its own document: {problems[0]}"
        evidence = tuple(problems[:EVIDENCE_LIMIT])
        yield CellFinding(rule=Rule.DOCUMENT, verdict=Verdict.FAIL, reason=reason, evidence=evidence)


def _eased(clean: CleanClass) -> CleanClass:
    """Of the shapes from before, only what kind of document it is."""
    steps = {
        name: replace(step, shape=None if step.shape is None else Shape(types=step.shape.types))
        for name, step in clean.steps.items()
    }
    return replace(clean, steps=steps)


def _without_check(visit: Visit) -> Visit:
    """Without what the journey checks by itself, when every answer was a success."""
    return replace(visit, failed=None) if all(map(is_success, visit.exchanges)) else visit
