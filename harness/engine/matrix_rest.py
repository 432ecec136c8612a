"""What must be true once a matrix is through: the declared invariants, when all is healed and at rest."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.safety import at_rest, safety
from harness.engine.resting import Resting
from harness.engine.session import Session
from harness.model.experiment import Experiment
from harness.model.history import History
from harness.model.invariant import Invariants
from harness.model.observation import FinalRead, Operation
from harness.model.verdict import Verdict
from harness.observe.reads import read_all

REST_LEAST_S = 60.0
"""How long the system gets at least to come to rest, every operation final."""
REST_LOOK_S = 1.0
NAME = "matrix"


async def read_at_the_end(session: Session, invariants: Invariants, *, by_load: bool, replay: str) -> None:
    """Look whether the invariants hold, until they do or stay broken; nothing where none are declared.

    Those that can't be judged, since no journey did what they tell of, are noted and no finding.
    """
    if not invariants.invariants:
        return
    session.say("final reads")
    recorder = session.recorder
    driver = await session.driver() if by_load else None
    resting = Resting(now=session.now(), least_s=REST_LEAST_S)
    while True:
        reads = await read_all(
            invariants.reads, url_of=session.deployment.service_url, now=session.now, credentials=session.credentials
        )
        operations = driver.operations() if driver is not None else ()
        history = _history(session, invariants, reads, operations)
        broken = any(each.verdict is Verdict.FAIL for each in at_rest(history))
        if not broken or not resting.may_change(reads, now=session.now()):
            break
        await session.clock.sleep(REST_LOOK_S)
    for each in safety(history):
        if each.verdict is Verdict.UNKNOWN:
            recorder.note(f"{each.subject}: not judged after the matrix: {each.reason}")
        else:
            recorder.find(replace(each, experiment="", replay=replay))


def _history(
    session: Session, invariants: Invariants, reads: tuple[FinalRead, ...], operations: tuple[Operation, ...]
) -> History:
    """Nothing but what invariants are judged by."""
    matrix = Experiment(name=NAME, hypothesis="", injections=(), weights={}, rate=0.0)
    return History(
        topology=session.topology,
        experiment=matrix,
        windows=(),
        forced=(),
        journeys=(),
        answers=(),
        distinct=(),
        nonconformities=(),
        conformance_checked=0,
        operations=operations,
        crossings=(),
        generator=(),
        reads=reads,
        alpha=0.0,
        replay="",
        invariants=invariants.invariants,
    )
