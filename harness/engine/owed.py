"""What a cell is held to, by what is declared of its edge and its journey."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.proposals import seen_soft
from harness.checkers.trial import Owed
from harness.engine.familiar import Familiar
from harness.engine.ground import Ground
from harness.model.matrix import Cell, CellVerdict
from harness.model.system import Need


def owed_of(
    ground: Ground, known: Familiar, cell: Cell, results: Sequence[CellVerdict], *, recover_within_s: float
) -> Owed:
    """What is declared, and where nothing is, what other cells showed."""
    edge = ground.topology.edges.get(cell.edge)
    journey = ground.topology.system.journeys.get(cell.journey)
    needs, without = (journey.needs, journey.usable_without) if journey else ((), ())
    soft = usable = needed = ""
    if edge is not None:
        if cell.provider in needs:
            needed = f"{cell.journey} is declared to need {cell.provider}"
        if cell.provider in without:
            soft = usable = f"{cell.journey} is declared usable without {cell.provider}"
        elif edge.need is Need.SOFT and cell.provider not in needs:
            soft = usable = f"{cell.edge} is declared soft"
        elif cell.provider not in needs and seen_soft(results, cell.journey, cell.edge):
            soft = f"{cell.journey} can do without {cell.provider}, as other kinds showed"
    asked = known.clean.requests
    mark = ground.topology.system.degraded
    return Owed(
        deadline_s=known.deadline_s,
        soft=soft,
        usable=usable,
        needed=needed,
        declared={step: ground.declared(method, path) for step, (method, path) in asked.items()},
        refusals={step: ground.promised(method, path) for step, (method, path) in asked.items()},
        edge_deadline_s=float(edge.deadline) if edge is not None and edge.deadline else None,
        marks=bool(mark.header or mark.json_pointer),
        recover_within_s=recover_within_s,
    )
