"""Journals of made-up runs of a shop: clean, failing, unknown, cut short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from harness.model.events import (
    EdgeFact,
    Event,
    ExperimentEnded,
    ExperimentStarted,
    FindingMade,
    InjectionArmed,
    InjectionHealed,
    JourneyFact,
    PhaseEnded,
    RunEnded,
    RunStarted,
    WindowEnded,
)
from harness.model.fault import Armed, Healed, HealedBy
from harness.model.figures import encoded
from harness.model.finding import Finding, Part
from harness.model.load_events import Noted, Observed
from harness.model.observation import CrossingSecond, GeneratorSecond, JourneySecond, Outcome, Window, WindowKind
from harness.model.verdict import Verdict

REPLAY = "harness run targets/shop/system.yaml --seed 20260504 --only"

EDGES = tuple(
    EdgeFact(consumer=consumer, provider=provider, need=need, protocol=protocol)
    for consumer, provider, need, protocol in (
        ("customers", "gateway", "hard", "http"),
        ("gateway", "catalog", "hard", "http"),
        ("gateway", "pricing", "hard", "http"),
        ("gateway", "inventory", "soft", "http"),
        ("gateway", "recommendations", "soft", "http"),
        ("gateway", "orders", "hard", "http"),
        ("orders", "pricing", "hard", "http"),
        ("orders", "inventory", "hard", "http"),
        ("orders", "payments", "hard", "http"),
        ("orders", "postgres", "hard", "postgres"),
        ("orders", "bus", "soft", "nats"),
        ("catalog", "postgres", "hard", "postgres"),
        ("pricing", "postgres", "hard", "postgres"),
        ("inventory", "postgres", "hard", "postgres"),
        ("payments", "postgres", "hard", "postgres"),
        ("recommendations", "redis", "hard", "redis"),
        ("recommendations", "bus", "soft", "nats"),
    )
)

OWNERS = {
    "gateway": "edge",
    "catalog": "catalog",
    "pricing": "pricing",
    "recommendations": "personalization",
    "inventory": "fulfilment",
    "orders": "orders",
    "payments": "payments",
    "postgres": "platform",
    "redis": "platform",
    "bus": "platform",
}

HEADER = RunStarted(
    run="20260504-102030-7f3a",
    system="shop",
    wall="2026-05-04T10:20:30+00:00",
    seed=20260504,
    command="harness run targets/shop/system.yaml --seed 20260504",
    harness="0.1.0",
    python="3.11.9",
    tools={"toxiproxy": "2.12.0", "postgres": "18.0", "valkey": "9.1.2", "nats": "2.15.1", "locust": "2.47.0"},
    owners=OWNERS,
    edges=EDGES,
    journeys=(
        JourneyFact(name="browse", critical=False, deadline_s=1.0, p99_objective_s=0.5),
        JourneyFact(name="checkout", critical=True, deadline_s=2.0),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a fault does to one journey: shares of the outcomes and the median latency in seconds."""

    degraded: float = 0.0
    failed: float = 0.0
    unknown: float = 0.0
    median_s: float = 0.014


CALM = {"browse": Effect(), "checkout": Effect(median_s=0.085)}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An experiment of a made-up run."""

    name: str
    what: str
    edge: str = ""
    role: str = "experiment"
    hypothesis: str = "The customers' journeys go on."
    effects: dict[str, Effect] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    verdict: Verdict = Verdict.PASS
    recovery_s: float | None = None
    healed_by: HealedBy = HealedBy.REMOVED
    fault_s: int = 12
    rest_s: int = 10


def held(check: str, subject: str, excludes: str) -> Finding:
    return Finding(
        check=check,
        part=Part.RESILIENCE,
        verdict=Verdict.PASS,
        subject=subject,
        reason=f"{excludes} is excluded",
    )


PASSES = (
    held("availability", "browse", "a rise of bad answers above 5 points (n = 148, 0 bad)"),
    held("availability", "checkout", "a rise of bad answers above 5 points (n = 92, 0 bad)"),
    held("class of answer", "browse", "a dirty failure in more than 2% of answers (n = 148)"),
    held("deadline", "checkout", "an answer later than 2.2 s (slowest 412 ms, n = 301)"),
    held("recovery", "browse", "an illness of more than 10 s after the fault (well again after 2.1 s)"),
)

TRIALS = (
    Trial(
        name="placebo",
        what="gateway → catalog under a no-op",
        edge="gateway->catalog",
        role="placebo",
        findings=PASSES[:2],
        hypothesis="A fault that does nothing changes nothing.",
        fault_s=8,
        rest_s=4,
    ),
    Trial(
        name="everything refused",
        what="customers → gateway under down",
        edge="customers->gateway",
        role="positive control",
        hypothesis="A gateway that refuses connections is noticed.",
        effects={"browse": Effect(failed=1.0), "checkout": Effect(failed=0.7, unknown=0.3)},
        findings=(
            Finding(
                check="availability",
                part=Part.RESILIENCE,
                verdict=Verdict.FAIL,
                subject="browse",
                reason="100% bad, 0.0% before (n = 96)",
                edge="customers->gateway",
            ),
        ),
        recovery_s=1.2,
        fault_s=8,
        rest_s=6,
    ),
    Trial(
        name="recommendations slow",
        what="gateway → recommendations under latency 1 s",
        edge="gateway->recommendations",
        hypothesis="A product page without recommendations is better than a late one.",
        effects={"browse": Effect(degraded=0.94, median_s=0.16)},
        findings=PASSES,
        recovery_s=2.14,
    ),
    Trial(
        name="recommendations gone",
        what="gateway → recommendations under down",
        edge="gateway->recommendations",
        hypothesis="The gateway answers without recommendations, and says so.",
        effects={"browse": Effect(degraded=0.995)},
        findings=PASSES,
        recovery_s=0.9,
    ),
    Trial(
        name="payments black-holed in checkout",
        what="orders → payments under black hole",
        edge="orders->payments",
        hypothesis="Checkout fails cleanly and in time; browsing does not notice.",
        effects={"checkout": Effect(failed=0.6, unknown=0.4, median_s=1.6)},
        findings=PASSES[:1],
        recovery_s=7.31,
        healed_by=HealedBy.RESTARTED,
    ),
    Trial(
        name="pricing's database down",
        what="pricing → postgres under down",
        edge="pricing->postgres",
        hypothesis="Without prices there is a clean 503 with Retry-After.",
        effects={"browse": Effect(failed=0.97), "checkout": Effect(failed=1.0)},
        findings=PASSES[2:],
        recovery_s=3.0,
    ),
    Trial(
        name="catalog's database stutters",
        what="catalog → postgres under reset",
        edge="catalog->postgres",
        effects={"browse": Effect(failed=0.05)},
        findings=PASSES,
        recovery_s=1.0,
    ),
    Trial(
        name="payments killed and restarted",
        what="payments-1 under kill",
        hypothesis="Nobody is charged twice, no order is lost.",
        effects={"checkout": Effect(failed=0.3, unknown=0.1, median_s=0.4)},
        findings=PASSES,
        recovery_s=4.4,
        healed_by=HealedBy.STARTED,
    ),
)

AVAILABILITY_FAIL = Finding(
    check="availability",
    part=Part.RESILIENCE,
    verdict=Verdict.FAIL,
    subject="browse",
    reason="18.7% bad under the fault against 0.0% before; a rise of at most 5 points was allowed (n = 212)",
    edge="gateway->recommendations",
    service="gateway",
    owner="edge",
    inferred=True,
    evidence=(
        "GET /products/sku-0042 → 504 after 1.003 s",
        "  content-type: text/plain; no problem body, no Retry-After",
        "GET /products/sku-0007 → 504 after 1.001 s",
        "40 answers like these, from 10:22:41Z to 10:22:53Z",
    ),
    replay=f"{REPLAY} 'recommendations gone'",
)

RECOVERY_UNKNOWN = Finding(
    check="recovery",
    part=Part.RESILIENCE,
    verdict=Verdict.UNKNOWN,
    subject="checkout",
    reason="only 11 journeys were seen after the fault, 30 are needed",
    edge="orders->payments",
    service="orders",
    owner="orders",
    inferred=True,
    replay=f"{REPLAY} 'payments black-holed in checkout' --rate 40",
)

CONTRACTS = (
    *(
        Finding(
            check="pact",
            part=Part.PACTS,
            verdict=Verdict.PASS,
            subject=interaction,
            reason="the provider's answer matches",
            edge=edge,
            service=edge.partition("->")[2],
        )
        for edge, interaction in (
            ("gateway->catalog", "a product that exists"),
            ("gateway->catalog", "a product that does not exist"),
            ("gateway->pricing", "the price of a known product"),
            ("gateway->pricing", "the price of an unknown product"),
            ("orders->payments", "a charge"),
            ("orders->payments", "a charge that is declined"),
            ("recommendations->orders", "OrderPlaced"),
        )
    ),
    *(
        Finding(
            check="fuzz",
            part=Part.FUZZ,
            verdict=Verdict.PASS,
            subject=operation,
            reason="25 cases, none broke the document",
            service=service,
        )
        for service, operation in (
            ("catalog", "GET /products/{sku}"),
            ("catalog", "GET /products"),
            ("pricing", "GET /prices/{sku}"),
            ("pricing", "POST /quotes"),
            ("payments", "POST /charges"),
            ("inventory", "POST /reservations"),
        )
    ),
)

FUZZ_FAIL = Finding(
    check="fuzz",
    part=Part.FUZZ,
    verdict=Verdict.FAIL,
    subject="POST /quotes",
    reason="a server error: 500 where the document declares 200, 404, 422 and 503",
    service="pricing",
    owner="pricing",
    evidence=(
        (
            'curl -X POST -H \'Content-Type: application/json\' -d \'{"items": [{"sku": "\\u0000", "quantity": 1}]}\' '
            "http://127.0.0.1:20107/quotes"
        ),
        '500 {"detail": "invalid byte sequence"}',
    ),
    replay="harness fuzz pricing --seed 20260504",
)

SAFETY = tuple(
    Finding(check=check, part=Part.SAFETY, verdict=Verdict.PASS, subject=subject, reason=reason)
    for check, subject, reason in (
        ("acknowledged kept", "no acknowledged order lost", "all 812 acknowledged orders were read back, each final"),
        ("at most once", "nobody charged twice", "812 keys, 798 charges, none twice"),
        ("conserved", "stock adds up", "40 products: initial = available + reserved + sold"),
    )
)

DOUBLE_CHARGE = Finding(
    check="at most once",
    part=Part.SAFETY,
    verdict=Verdict.FAIL,
    subject="nobody charged twice",
    reason="order 5b0e… was charged twice: 2 charges under 2 keys, 4998 cents each",
    experiment="payments killed and restarted",
    edge="orders->payments",
    service="payments",
    owner="payments",
    evidence=("charge c-118 order 5b0e… key k-1", "charge c-131 order 5b0e… key k-1-retry"),
    replay=f"{REPLAY} 'payments killed and restarted'",
)


def clean() -> list[Event]:
    """Everything held."""
    findings = (*CONTRACTS, *SAFETY)
    return _run(TRIALS, findings, RunEnded(t=0, verdict=Verdict.PASS, reason="Everything held.", exit_code=0))


def failing() -> list[Event]:
    """A missing fallback, a double charge, a fuzzer's find, and one thing that stayed unknown."""
    trials = tuple(_with_trouble(trial) for trial in TRIALS)
    findings = (*CONTRACTS, FUZZ_FAIL, *SAFETY[:1], DOUBLE_CHARGE, *SAFETY[2:])
    reason = "3 findings failed: nobody charged twice, availability of browse, POST /quotes."
    return _run(trials, findings, RunEnded(t=0, verdict=Verdict.FAIL, reason=reason, exit_code=1))


def _with_trouble(trial: Trial) -> Trial:
    findings: tuple[Finding, ...]
    match trial.name:
        case "recommendations gone":
            findings = (AVAILABILITY_FAIL, *PASSES[1:])
            effects = {"browse": Effect(failed=0.187, degraded=0.6, median_s=0.3)}
            return replace(trial, findings=findings, effects=effects, verdict=Verdict.FAIL)
        case "payments black-holed in checkout":
            findings = (RECOVERY_UNKNOWN, *PASSES[:1])
            return replace(trial, findings=findings, verdict=Verdict.UNKNOWN, recovery_s=None)
        case "payments killed and restarted":
            return replace(trial, verdict=Verdict.FAIL)
        case _:
            return trial


def unknown() -> list[Event]:
    """The positive control stayed silent, so that nothing is proved."""
    blind = Finding(
        check="control",
        part=Part.VALIDITY,
        verdict=Verdict.UNKNOWN,
        subject="positive control",
        reason="the control's fault was not noticed: 0 of 96 journeys were bad",
        experiment="everything refused",
        replay=REPLAY + " 'everything refused'",
    )
    trials = tuple(
        replace(trial, effects={}, findings=(blind,), verdict=Verdict.UNKNOWN) if "control" in trial.role else trial
        for trial in TRIALS
    )
    return _run(trials, CONTRACTS, RunEnded(t=0, verdict=Verdict.UNKNOWN, reason="The harness is blind.", exit_code=2))


def cut() -> list[Event]:
    """The failing run, killed in the middle of its fourth experiment."""
    events = failing()
    armed = [index for index, event in enumerate(events) if isinstance(event, InjectionArmed)]
    return events[: armed[3] + 4]


def hostile(text: str = "<script>alert('x')</script>\x1b[31m]]>&\"") -> list[Event]:
    """A short run in which everything that can be named is named by an attacker."""
    finding = Finding(
        check=text,
        part=Part.RESILIENCE,
        verdict=Verdict.FAIL,
        subject=text,
        reason=text,
        experiment=text,
        edge=f"{text}->{text}",
        service=text,
        owner=text,
        inferred=True,
        evidence=(text,),
        replay=text,
    )
    others = tuple(replace(finding, part=part) for part in (Part.PACTS, Part.FUZZ, Part.SAFETY, Part.VALIDITY))
    header = replace(
        HEADER,
        system=text,
        command=text,
        run=text,
        tools={text: text},
        owners={text: text},
        edges=(EdgeFact(consumer=text, provider=text, need=text, protocol=text),),
        journeys=(JourneyFact(name=text, critical=True, deadline_s=1.0, p99_objective_s=0.5),),
    )
    trial = Trial(
        name=text, what=text, hypothesis=text, findings=(finding,), verdict=Verdict.FAIL, effects={text: Effect()}
    )
    ended = RunEnded(t=0, verdict=Verdict.FAIL, reason=text, exit_code=1)
    return _run((trial,), others, ended, header=header)


def _run(
    trials: Sequence[Trial], findings: Sequence[Finding], ended: RunEnded, header: RunStarted = HEADER
) -> list[Event]:
    """A run as it would be journalled."""
    chance = Random(7)  # noqa: S311 -- made-up figures
    events: list[Event] = [header]
    t = 7.4
    events.append(PhaseEnded(name="start", t=t, took_s=t, detail="7 services, 3 stores, 17 edges"))
    first, last = (findings[:7], findings[7:]) if len(findings) > 7 else ((), findings)
    events.extend(FindingMade(t=t + 0.4 * index, finding=finding) for index, finding in enumerate(first))
    events.append(PhaseEnded(name="verify", t=t + 4.2, took_s=4.2, detail="7 interactions of 4 pacts"))
    baseline = Window(kind=WindowKind.BASELINE, start=t + 5, end=t + 25)
    events.extend(_seconds(chance, baseline, CALM, header, ""))
    events.append(WindowEnded(experiment="", window=baseline))
    events.append(PhaseEnded(name="baseline", t=t + 25, took_s=20.8))
    events.append(Noted(t=t + 25, message="Cost of the path", figures={"direct_ms": 1.9, "proxied_ms": 2.3}))
    began = t = t + 25
    for trial in trials:
        rows = list(_trial(chance, trial, t, header))
        events.extend(rows)
        t = rows[-1].t if isinstance(rows[-1], ExperimentEnded) else t
    detail = f"{len(trials)} experiments"
    events.append(PhaseEnded(name="experiments", t=t, took_s=t - began, detail=detail))
    events.extend(FindingMade(t=t + 0.5 * index, finding=finding) for index, finding in enumerate(last))
    events.append(PhaseEnded(name="fuzz", t=t + 38, took_s=38.0, detail="7 documents, 25 cases an operation"))
    events.append(PhaseEnded(name="stop", t=t + 40.5, took_s=2.5))
    return [*events, replace(ended, t=t + 40.6)]


def _trial(chance: Random, trial: Trial, t: float, header: RunStarted) -> Iterator[Event]:
    yield ExperimentStarted(
        t=t,
        name=trial.name,
        hypothesis=trial.hypothesis,
        role=trial.role,
        source="chaos/experiments.yaml:12",
        injections=(trial.what,),
        expectations={"browse": "available", "checkout": "unchanged"},
    )
    effects = {**CALM, **trial.effects}
    before = Window(kind=WindowKind.WARM_UP, start=t, end=t + 6)
    fault = Window(kind=WindowKind.FAULT, start=t + 6, end=t + 6 + trial.fault_s)
    ill_s = trial.recovery_s or 5.0
    recovery = Window(kind=WindowKind.RECOVERY, start=fault.end + 0.1, end=fault.end + 0.1 + ill_s + 3)
    rest = Window(kind=WindowKind.REST, start=recovery.end, end=recovery.end + trial.rest_s)
    yield from _seconds(chance, before, CALM, header, trial.edge)
    yield WindowEnded(experiment=trial.name, window=before)
    seen = Armed(in_force=True, evidence="read back; connect refused on 127.0.0.1:20011", took_s=0.021)
    yield InjectionArmed(t=fault.start, experiment=trial.name, injection="i1", what=trial.what, armed=seen)
    yield from _seconds(chance, fault, effects, header, trial.edge)
    yield WindowEnded(experiment=trial.name, window=fault)
    cut_too = ("orders-1->pricing-1",) if trial.healed_by is HealedBy.RESTARTED else ()
    healed = Healed(
        verified=True, by=trial.healed_by, evidence="read back; the line answers", took_s=0.09, also_cut=cut_too
    )
    yield InjectionHealed(t=fault.end + 0.1, experiment=trial.name, injection="i1", what=trial.what, healed=healed)
    ill = {name: replace(effect, failed=effect.failed / 3, unknown=0.0) for name, effect in effects.items()}
    sick = replace(recovery, end=recovery.start + ill_s)
    yield from _seconds(chance, sick, ill, header, trial.edge)
    yield from _seconds(chance, replace(recovery, start=sick.end), CALM, header, trial.edge)
    yield WindowEnded(experiment=trial.name, window=recovery)
    yield from _seconds(chance, rest, CALM, header, trial.edge)
    yield WindowEnded(experiment=trial.name, window=rest)
    for finding in trial.findings:
        yield FindingMade(t=rest.end, finding=replace(finding, experiment=trial.name))
    yield ExperimentEnded(t=rest.end, name=trial.name, verdict=trial.verdict, recovery_s=trial.recovery_s)


def _seconds(
    chance: Random, window: Window, effects: dict[str, Effect], header: RunStarted, edge: str
) -> Iterator[Observed]:
    for second in range(int(window.start), int(window.end)):
        rows: list[JourneySecond] = []
        for journey in (fact.name for fact in header.journeys):
            due = max(1, round(chance.gauss(12 if journey == "browse" else 8, 3)))
            rows.extend(_journey(chance, second, journey, due, effects.get(journey, Effect())))
        generator = GeneratorSecond(
            second=second, due=20, started=20, dropped=0, lag_p99_s=0.004, in_flight=4, cpu_share=0.31
        )
        yield Observed(journeys=tuple(rows), generator=(generator,), crossings=_crossing(edge, second, window.kind))


def _journey(chance: Random, second: int, journey: str, due: int, effect: Effect) -> Iterator[JourneySecond]:
    left = due
    for outcome, part in (
        (Outcome.DEGRADED, effect.degraded),
        (Outcome.FAILED, effect.failed),
        (Outcome.UNKNOWN, effect.unknown),
        (Outcome.OK, 1.0),
    ):
        number = left if outcome is Outcome.OK else min(left, sum(chance.random() < part for _ in range(due)))
        left -= number
        if number:
            latencies = latencies_of(effect.median_s, number, chance.randrange(5))
            yield JourneySecond(
                second=second, journey=journey, outcome=outcome, count=number, latencies=latencies, service=latencies
            )


@cache
def latencies_of(median_s: float, number: int, variant: int) -> str:
    """Made-up latencies around a median; the same for the same arguments."""
    chance = Random(f"{median_s} {number} {variant}")  # noqa: S311 -- made-up figures
    return encoded(median_s * chance.lognormvariate(0, 0.35) for _ in range(number))


def _crossing(edge: str, second: int, kind: WindowKind) -> tuple[CrossingSecond, ...]:
    if not edge:
        return ()
    consumer, _, provider = edge.partition("->")
    answered = 2 if kind is WindowKind.FAULT else 12
    row = CrossingSecond(
        second=second,
        line=f"{consumer}-1->{provider}-1",
        connections=3 if kind is WindowKind.FAULT else 0,
        requests=12,
        answers=answered,
        aborted=12 - answered,
        bytes_up=4_200,
        bytes_down=answered * 800,
        answer_ms_sum=answered * 3.4,
    )
    return (row,)


def of_tests() -> list[Event]:
    """Faults that tests put in force, without any experiment; the last one is never healed."""
    chance, armed = Random(7), Armed(in_force=True, evidence="read back as on", took_s=0.02)  # noqa: S311 -- made-up data
    window = Window(kind=WindowKind.FAULT, start=0, end=40)
    what = ("gateway → recommendations under latency 1 s", "payments-1 under SIGKILL")
    healed = Healed(verified=True, by=HealedBy.REMOVED, evidence="read back as off", took_s=0.01)
    return [
        HEADER,
        Noted(t=1, message="cost of an edge: median through it / direct", figures={"gateway->catalog": 1.2312}),
        *_seconds(chance, window, CALM, HEADER, "gateway->recommendations"),
        InjectionArmed(t=12.2, experiment="", injection="test-1", what=what[0], armed=armed),
        InjectionHealed(t=22.7, experiment="", injection="test-1", what=what[0], healed=healed),
        InjectionArmed(t=30.1, experiment="", injection="test-2", what=what[1], armed=armed),
    ]
