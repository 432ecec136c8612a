"""The main job: start, verify, baseline, experiments, fuzz, stop; a verdict and its reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from resource import RUSAGE_SELF, getrusage

from harness.checkers import samples_needed
from harness.checkers.disturbed import baseline_disturbed
from harness.checkers.tally import DELTA
from harness.contracts.conformance import Conformance
from harness.contracts.verify import ProviderUnderTest, verify
from harness.engine.bench import Bench
from harness.engine.beside import Beside
from harness.engine.concluding import INTERRUPTED, RunResult, conclusion, ended_early
from harness.engine.cost import measure_edges
from harness.engine.customers import deeds_of
from harness.engine.documents import document_of, read_document
from harness.engine.ending import stopped
from harness.engine.excusing import excuses_at
from harness.engine.experiment import conduct, measure_baseline
from harness.engine.fuzzing import Subject, fuzz_all
from harness.engine.guard import listening
from harness.engine.plan import decisive_s, error_rate_each, weights_of
from harness.engine.prepare import Options, Plan, prepare
from harness.engine.repeats import disagreements
from harness.engine.session import Say, Session, replay_command
from harness.engine.verifying import again
from harness.engine.versions import tell_versions
from harness.errors import ContractError, HarnessError, Stopped
from harness.model.events import PhaseEnded, RunEnded
from harness.model.experiment import Experiment, Role
from harness.model.finding import Finding, Part
from harness.model.observation import Window, WindowKind
from harness.model.quantity import Share
from harness.model.verdict import Verdict, worst

WARM_UP_S = 5.0
BASELINE_S = 20.0

Before = Callable[[Session, Experiment], Awaitable[None]]


async def run(options: Options, *, say: Say, plan: Plan | None = None, before: Before | None = None) -> RunResult:
    """Do the main job; what was started is stopped again whatever happens.

    Args:
        options: what is wanted.
        say: told what is done.
        plan: what was read and proved already; read by the options when left out.
        before: awaited before each experiment; what it raises as Stopped stops the run there.

    Raises:
        HarnessError: if nothing could be run at all; once the system was up, trouble ends in a verdict instead.

    When the task is cancelled, everything is put right, and the result says that it was interrupted.
    """
    plan = plan or prepare(options)
    run_ = _Run(options, plan, say, before)
    started = asyncio.get_running_loop().time()
    session = await Session.open(plan.topology, settings=options.settings, say=say)
    run_.session = session
    session.recorder.excuses = excuses_at(session.clock, plan.waivers, plan.against)
    run_.end_phase("start", asyncio.get_running_loop().time() - started, f"{len(plan.topology.lines)} lines")
    interrupted = ""
    try:
        await run_.phases()
    except asyncio.CancelledError as cancelled:
        interrupted = str(cancelled) or "interrupted"
    finally:
        say("stopping")
        await stopped(session)
        run_.note_memory()
        for told in session.recorder.tell_left_over():
            say(told)
    verdict, reason = conclusion(session.recorder.findings)
    unhealed = session.unhealed
    if early := interrupted or run_.stopped:
        verdict, reason = worst((verdict, Verdict.UNKNOWN)), ended_early(early, unhealed)
    code = INTERRUPTED if interrupted else Stopped.exit_code if run_.stopped else verdict.exit_code
    session.recorder.record(RunEnded(t=session.now(), verdict=verdict, reason=reason, exit_code=code))
    session.recorder.close()
    events = tuple(session.recorder.events)
    return RunResult(verdict=verdict, exit_code=code, directory=session.directory, events=events, unhealed=unhealed)


class _Run:
    """The phases of one run."""

    def __init__(self, options: Options, plan: Plan, say: Say, before: Before | None = None) -> None:
        self.before = before
        self.options = options
        self.plan = plan
        self.say = say
        self.session: Session
        self.stopped = ""
        """Which guard stopped it, and why."""

    async def phases(self) -> None:
        """What the user asked for, in the order that VERDICTS.md gives: fuzzing last, since it invents commands."""
        work = {"verify": self._verify, "chaos": self._chaos, "fuzz": self._fuzz}
        for name, part in work.items():
            if name in self.options.parts:
                try:
                    await part()
                except Stopped as stop:
                    self.stopped = str(stop)
                    return
                except HarnessError as error:
                    # One part that can't be done makes the run UNKNOWN, and keeps nobody from doing the others.
                    self._tell([_broken(name, error)])

    @asynccontextmanager
    async def _phase(self, name: str) -> AsyncIterator[None]:
        began = self.session.now()
        self.say(name)
        yield
        self.end_phase(name, self.session.now() - began)

    def end_phase(self, name: str, took_s: float, detail: str = "") -> None:
        """Write down that a phase ended."""
        recorder = self.session.recorder
        recorder.record(PhaseEnded(name=name, t=recorder.now(), took_s=took_s, detail=detail))
        self.say(f"{name} took {took_s:.1f} s{', ' + detail if detail else ''}")

    async def _verify(self) -> None:
        async with self._phase("verify"):
            await self._verify_pacts()

    async def _verify_pacts(self) -> None:
        session, topology = self.session, self.plan.topology
        contracts = session.content("contracts")
        wanted = self.options.services or tuple(topology.system.services)
        providers = [
            ProviderUnderTest(
                name=name,
                url=session.deployment.service_url(name),
                stores={
                    edge.provider: session.deployment.store_address(edge.provider, name)
                    for edge in topology.edges.values()
                    if edge.consumer == name and topology.is_store(edge.provider)
                },
                owner=topology.owner(name),
            )
            for name in wanted
        ]
        findings = await verify(
            pacts=self.options.pacts or contracts / "pacts",
            states=contracts / "states",
            providers=providers,
            owners={name: topology.owner(name) for name in topology.system.services},
            spawner=session.supervisor,
            directory=session.directory / "verify",
            consumer=self.options.consumer,
            credentials=session.credentials,
            again=again(session, most=self.options.again),
        )
        self._tell(findings)
        await tell_versions(session, self.options, wanted)

    async def _chaos(self) -> None:
        session, plan = self.session, self.plan
        if plan.left_out:
            session.recorder.note(f"left to `harness run --long`: {', '.join(plan.left_out)}")
        conformance = await self._conformance(plan.topology.system.entry)
        async with self._phase("baseline"):
            ratios = await measure_edges(session)
            if ratios:
                self._note("cost of an edge: median time of a GET through it, divided by that of a direct one", ratios)
            alpha = error_rate_each(plan.topology, plan.experiments)
            beside = Beside(session)
            baseline = await self._baseline(beside, alpha)
        with listening(plan.experiments) as heard:
            await self._experiments(baseline, beside, conformance, alpha, heard)

    async def _baseline(self, beside: Beside, alpha: float) -> Window:
        """Measured again when the machine disturbed it, as often as was asked for: all experiments hang on it."""
        session, plan, again = self.session, self.plan, self.options.again
        while True:
            beside.begin()
            baseline = await measure_baseline(
                session,
                warm_up_s=WARM_UP_S,
                length_s=max(BASELINE_S, decisive_s(plan.experiments, rate=plan.rate, alpha=alpha) / 2),
                rate=plan.rate,
                weights=weights_of(plan.experiments),
            )
            company = beside.until_now(WindowKind.BASELINE)
            why = baseline_disturbed(baseline, company, session.recorder.generator, beside.neighbours)
            if not why or not again:
                return baseline
            again -= 1
            session.tell(f"the baseline does not count, since the machine disturbed it, and is measured again: {why}")
            await beside.quiet()

    async def _experiments(
        self,
        baseline: Window,
        beside: Beside,
        conformance: Conformance | None,
        alpha: float,
        heard: Mapping[str, asyncio.Event],
    ) -> None:
        session, plan = self.session, self.plan
        bench = Bench(
            session=session,
            driver=await session.driver(),
            baseline=baseline,
            invariants=plan.invariants,
            conformance=conformance,
            alpha=alpha,
            signals=heard,
            beside=beside,
            again=self.options.again,
            chosen=bool(self.options.only),
            deeds=deeds_of(plan.topology, weights_of(plan.experiments)),
            replay=replay_command(
                *(*plan.command, "--seed", str(session.seed), "--system", str(self.options.system)),
                *(["--tls"] if session.topology.tls else []),
            ),
        )
        async with self._phase("experiments"):
            needed = samples_needed(DELTA, bench.alpha)
            self.say(f"each journey needs {needed} samples under a fault to exclude a rise above {Share(DELTA)}")
            verdicts: dict[str, list[Verdict]] = {}
            for number, experiment in enumerate(plan.experiments, start=1):
                if self.before is not None:
                    await self.before(session, experiment)
                self.say(f"experiment {experiment.name}: {_in_words(experiment)}")
                verdict = await conduct(bench, experiment)
                verdicts.setdefault(experiment.declared, []).append(verdict)
                self._tell_experiment(experiment, verdict)
                if bench.stopped:
                    left = ", ".join(each.name for each in plan.experiments[number:])
                    self._note(f"stopped by a guard; not run: {left}" if left else "stopped by a guard", {})
                    raise Stopped(bench.stopped[0])
                if experiment.role is not Role.EXPERIMENT and verdict is not Verdict.PASS:
                    bench.doubts.append(f"the {experiment.role} of this run is {verdict}")
            if self.options.repeat > 1:
                self._tell(disagreements(verdicts, bench.replay))
        await bench.driver.stop()

    async def _conformance(self, service: str) -> Conformance | None:
        """What the answers of a service are held against; None when it has no document."""
        where = self._document(service)
        if not where:
            return None
        document = await read_document(where, credentials=self.session.credentials)
        if not isinstance(document, dict):
            raise ContractError(f"the OpenAPI document {where} is not a mapping; mend 'openapi:'")
        return Conformance(service, document)

    def _document(self, service: str) -> str:
        """Where the OpenAPI document of a service is: a URL, a file, or nowhere."""
        return document_of(self.plan.topology, service, self.session.deployment.service_url(service))

    async def _fuzz(self) -> None:
        async with self._phase("fuzz"):
            await self._fuzz_services()

    async def _fuzz_services(self) -> None:
        session, topology = self.session, self.plan.topology
        services = self.options.services or tuple(topology.system.services)
        wanted = [name for name in services if self._document(name)]
        for name in sorted({*services} - {*wanted}):
            self._note(f"{name} has no OpenAPI document, so it was not fuzzed", {})
        if not wanted:
            self._tell([_nothing_to_fuzz()])
            return
        subjects = [
            Subject(
                service=name,
                owner=topology.owner(name),
                url=session.deployment.service_url(name),
                document=self._document(name),
                directory=session.directory / "fuzz" / name,
                credentials=session.credentials,
                settings=self.plan.fuzzing.of(name),
            )
            for name in wanted
        ]
        findings = await fuzz_all(
            subjects,
            spawner=session.supervisor,
            seed=session.seed,
            options=self.options.fuzzing,
            clock=session.clock,
            say=self.say,
        )
        self._tell(findings)

    def _note(self, message: str, figures: dict[str, float]) -> None:
        self.session.recorder.note(message, figures)
        told = ", ".join(f"{name} {figure:g}" for name, figure in figures.items())
        self.say(f"{message}: {told}" if told else message)

    def note_memory(self) -> None:
        """Write down the most memory that this process ever had resident."""
        peak_mb = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        self._note("memory of the harness process at its peak, without services and load", {"MB": round(peak_mb, 1)})

    def _tell(self, findings: Sequence[Finding]) -> None:
        self.session.recorder.find(*findings)
        for finding in findings:
            self.say(f"  {finding.verdict:7} {finding.subject}: {finding.reason}")

    def _tell_experiment(self, experiment: Experiment, verdict: Verdict) -> None:
        self.say(f"  {verdict:7} {experiment.name}")
        found = [each for each in self.session.recorder.findings if each.experiment == experiment.name]
        wrong = [each for each in found if each.verdict is not Verdict.PASS]
        causes = [each for each in wrong if each.part is Part.VALIDITY or each.verdict is Verdict.FAIL] or wrong
        for each in causes:
            self.say(f"          {each.check}: {each.subject}: {each.reason.splitlines()[0]}")


def _in_words(experiment: Experiment) -> str:
    """What is injected, and how many samples of each journey that lets expect."""
    what = "; ".join(injection.describe() for injection in experiment.injections)
    total = sum(experiment.weights.values())
    samples = ", ".join(
        f"{name} {experiment.due_under_fault(experiment.fault_s) * weight / total:.0f}"
        for name, weight in experiment.weights.items()
    )
    return f"{what} (samples: {samples})"


def _broken(part: str, error: HarnessError) -> Finding:
    return Finding(
        check="harness", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason=str(error), subject=f"the part {part}"
    )


def _nothing_to_fuzz() -> Finding:
    return Finding(
        check="fuzz",
        part=Part.FUZZ,
        verdict=Verdict.UNKNOWN,
        reason="no service says where its OpenAPI document is, so nothing was fuzzed",
        subject="fuzz",
        replay="add 'openapi: /openapi.json' to a service, or --skip fuzz",
    )
