"""What comes after the cells of a matrix: the smallest faults, and the delays that soft edges bear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.engine.matrix import Matrix
from harness.engine.reproduction import write
from harness.engine.session import Session
from harness.engine.shrinking import Shrinking, edges_to_budget
from harness.model.events import BudgetMeasured, CellShrunk
from harness.model.matrix import CellVerdict, Kind
from harness.model.verdict import Verdict


async def shrink_red(session: Session, matrix: Matrix, system: Path) -> None:
    """Shrink every red cell, critical journeys first, while there is time; each with a pytest that shows it.

    `system` is where the description is, as those tests name it.
    """
    shrinking = Shrinking(matrix.ground, matrix.trials, lambda: matrix.is_over)
    known = {each.journey: each for each in matrix.known}
    red = [*_red(matrix)]
    seen = {each.cell: each for each in matrix.results}
    for cell in matrix.named:
        if (found := seen.get(cell)) is None or found.verdict is not Verdict.FAIL:
            told = f"{found.verdict}: {found.reason}" if found else "it is not crossed, or there was no time for it"
            session.recorder.note(f"{cell}: nothing to shrink: {told}")
            session.say(f"{cell}: nothing to shrink: {told}")
    if red:
        session.say(f"shrinking {len(red)} red cells")
    for index, each in enumerate(red):
        if matrix.is_over:
            session.recorder.note(f"no time to shrink {len(red) - index} of {len(red)} red cells")
            session.say(f"no time to shrink {len(red) - index} of {len(red)} red cells")
            return
        session.say(f"shrinking {each.cell}")
        shrunk, milder = await shrinking.shrink(known[each.cell.journey], each)
        name = write(shrunk, milder, session.directory, run=session.run, system=system)
        session.recorder.record(CellShrunk(t=session.now(), shrunk=replace(shrunk, reproduction=name)))
        session.say(f"  {shrunk.sentence}")


async def measure_budgets(session: Session, matrix: Matrix) -> None:
    """How much delay each edge bears that a journey can do without, while there is time."""
    shrinking = Shrinking(matrix.ground, matrix.trials, lambda: matrix.is_over)
    for known in matrix.known:
        for edge in () if known.trouble else edges_to_budget(known, matrix.ground, matrix.results):
            if not matrix.wants(edge):
                continue
            if matrix.is_over:
                session.recorder.note("no time to measure what delay all soft edges bear")
                return
            session.say(f"what delay {known.journey} bears on {edge}")
            budget = await shrinking.budget(known, edge)
            session.recorder.record(BudgetMeasured(t=session.now(), budget=budget))


def _red(matrix: Matrix) -> Iterator[CellVerdict]:
    """Those that were conducted, and are nobody's accepted or known trouble unless they were asked for by name."""
    critical = matrix.critical
    own = [each for each in matrix.results if each.verdict is Verdict.FAIL and each.stands is None]
    named = matrix.named
    for each in sorted(own, key=lambda one: one.cell.journey not in critical):
        wanted = each.cell in named if named else not matrix.is_excused(each)
        if wanted and each.cell.kind is not Kind.PLACEBO:
            yield each
