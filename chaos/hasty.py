"""The harness with little patience, for those who kill it: `python -m chaos.hasty COMMAND…`.

It does what `harness` does, but for what takes the time to be sure: no proofs around an experiment, a baseline of a
moment, and whatever is looked at counts as well. Its verdicts are worth nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.engine import experiment, prepare, recovering, run
from harness.engine.bench import Bench
from harness.engine.session import Session
from harness.model.experiment import Experiment
from harness.model.observation import Window
from harness.model.topology import Topology

MOMENT_S = 0.3


def no_proofs(_topology: Topology, experiments: Sequence[Experiment], *, rate: float) -> tuple[Experiment, ...]:
    """Only what was asked for."""
    del rate
    return tuple(experiments)


def no_time(_experiments: Sequence[Experiment], *, rate: float, alpha: float) -> float:
    """No figure needs samples."""
    del rate, alpha
    return 0.0


async def no_cost(_session: Session) -> dict[str, float]:
    """Nobody wants to know what an edge costs."""
    return {}


async def well(_bench: Bench, _experiment: Experiment, since: float, _warm_up: Window | None = None) -> float:
    """It is well."""
    return since


HASTE = (
    (prepare, {"with_proofs": no_proofs}),
    (run, {"WARM_UP_S": MOMENT_S, "BASELINE_S": 1.0, "decisive_s": no_time, "measure_edges": no_cost}),
    (experiment, {"SETTLE_S": MOMENT_S, "well_since": well}),
    (recovering, {"SETTLE_S": MOMENT_S, "STAY_AT_LEAST_S": MOMENT_S, "well_since": well}),
)


def main() -> None:
    """Run a command of the harness in a hurry."""
    from harness.cli import main as harness

    for module, changes in HASTE:
        for name, value in changes.items():
            getattr(module, name)  # it is still called that
            setattr(module, name, value)
    harness()


if __name__ == "__main__":
    main()
