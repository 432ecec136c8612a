"""Whole experiments in tests: conducted by the engine, judged by its checkers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from harness.declare import load_invariants
from harness.engine.bench import Bench
from harness.engine.beside import Beside
from harness.engine.customers import deeds_of
from harness.engine.experiment import conduct, measure_baseline
from harness.engine.guard import listening
from harness.engine.plan import decisive_s, error_rate_each
from harness.engine.session import Session
from harness.errors import HarnessError, Stopped
from harness.experiments import Draft
from harness.model.events import ExperimentEnded
from harness.model.experiment import Experiment
from harness.model.finding import Finding
from harness.model.invariant import Invariants
from harness.model.measures import Measures
from harness.model.observation import Window
from harness.model.verdict import Verdict

WARM_UP_S = 3.0
LEAST_BASELINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conducted:
    """What came of an experiment."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    measures: Measures | None
    """None when no fault came into force."""

    @property
    def held(self) -> bool:
        """Whether all that was expected was proved."""
        return self.verdict is Verdict.PASS

    def __str__(self) -> str:
        """The verdict, and each finding that did not pass."""
        wrong = [each for each in self.findings if each.verdict is not Verdict.PASS]
        lines = [f"{each.verdict} {each.check}: {each.subject}: {each.reason}" for each in wrong]
        return "\n".join([str(self.verdict), *lines])

    __repr__ = __str__


class Conducting:
    """Conducts experiments on one session; each load has its baseline measured once."""

    def __init__(self, session: Session, invariants: Invariants) -> None:
        self._session = session
        self._invariants = invariants
        self._baselines: dict[tuple[float, tuple[tuple[str, float], ...]], Window] = {}

    async def conduct(self, draft: Draft) -> Conducted:
        """Conduct it to its verdict; whatever happens, its faults are healed.

        Raises:
            DeclarationError: before anything is done, with every problem of the draft.
            Stopped: when one of its guards stopped it.
        """
        session, experiment = self._session, draft.resolve(self._session.topology)
        known = len(session.recorder.findings)
        alpha = error_rate_each(session.topology, [experiment])
        with listening([experiment]) as heard:
            bench = Bench(
                session=session,
                driver=await session.driver(),
                baseline=await self._baseline(experiment, alpha),
                invariants=self._invariants,
                conformance=None,
                alpha=alpha,
                signals=heard,
                beside=Beside(session),
                chosen=True,
                deeds=deeds_of(session.topology, experiment.weights),
                replay="pytest",
            )
            verdict = await conduct(bench, experiment)
        if bench.stopped:
            raise Stopped(bench.stopped[0])
        name, events = experiment.name, session.recorder.events
        ended = next(each for each in reversed(events) if isinstance(each, ExperimentEnded) and each.name == name)
        findings = tuple(each for each in session.recorder.findings[known:] if each.experiment == name)
        return Conducted(verdict=verdict, findings=findings, measures=ended.measures)

    async def _baseline(self, experiment: Experiment, alpha: float) -> Window:
        key = (experiment.rate, tuple(sorted(experiment.weights.items())))
        if key not in self._baselines:
            length_s = max(LEAST_BASELINE_S, decisive_s([experiment], rate=experiment.rate, alpha=alpha) / 2)
            self._baselines[key] = await measure_baseline(
                self._session,
                warm_up_s=WARM_UP_S,
                length_s=float(ceil(length_s)),
                rate=experiment.rate,
                weights=experiment.weights,
            )
        return self._baselines[key]


def conducting(stage: object) -> Conducting:
    """What conducts experiments on a stage, and judges its system's invariants.

    Raises:
        HarnessError: when it is no session of the engine.
        DeclarationError: when the invariants are wrong.
    """
    if not isinstance(stage, Session):
        raise HarnessError(f"expected a session of the engine to conduct on, found {type(stage).__name__}")
    return Conducting(stage, load_invariants(stage.content("chaos"), stage.topology))
