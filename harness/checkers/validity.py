"""V0: was there an experiment at all? Never a FAIL: what can't be trusted is UNKNOWN."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.checkers.blame import NOBODY, Blame
from harness.checkers.crossings import crossings
from harness.checkers.found import finding, percent
from harness.checkers.load_health import health_told, sickness
from harness.checkers.statistics import rise
from harness.checkers.tally import DELTA, MIN_SAMPLES, Tally, judged, tally
from harness.model.experiment import Role
from harness.model.fault import Injection
from harness.model.finding import Finding, Part
from harness.model.history import Forced, History
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict

CHECK = "validity"

SLACK_S = 1.0
"""What arming and healing may take out of the time that a fault was declared to last; or a tenth of it, if more."""

Trouble = list[str]


def validity(history: History) -> tuple[Finding, ...]:
    """Six questions, each a finding of its own: the fault, its healing, baseline, generator, samples, crossings."""
    parts: tuple[tuple[str, Callable[[History], tuple[Trouble, str]]], ...] = (
        ("fault in force", _in_force),
        ("fault healed", _healed),
        ("baseline", _baseline),
        ("load generator", _generator),
        ("samples", _samples),
    )
    found = [_found(history, subject, *question(history)) for subject, question in parts]
    for crossed in crossings(history):
        trouble = [] if crossed.enough else [crossed.reason]
        blame = Blame(edge=crossed.edge)
        found.append(_found(history, "crossings", trouble, crossed.reason, blame=blame, evidence=crossed.evidence))
    return tuple(found)


def _found(  # noqa: PLR0913 -- what is needed to word one finding
    history: History,
    subject: str,
    trouble: Trouble,
    proof: str,
    *,
    blame: Blame = NOBODY,
    evidence: Iterable[str] = (),
) -> Finding:
    return finding(
        history,
        check=CHECK,
        part=Part.VALIDITY,
        verdict=Verdict.UNKNOWN if trouble else Verdict.PASS,
        reason="; ".join(trouble) if trouble else proof,
        subject=subject,
        blame=blame,
        evidence=evidence,
    )


def _in_force(history: History) -> tuple[Trouble, str]:
    window = history.window(WindowKind.FAULT)
    if window is None or not history.experiment.injections:
        return ["no fault was injected"], ""
    trouble: Trouble = []
    proofs = []
    for injection in history.experiment.injections:
        forced = _of(history, injection)
        if forced is None or not forced.armed.in_force:
            evidence = forced.armed.evidence if forced else "it was never armed"
            trouble.append(f"{injection.describe()} was not in force: {evidence}")
            continue
        trouble += _whole_window(window, injection, forced)
        proofs.append(f"{injection.describe()}: {forced.armed.evidence}")
    return trouble, "; ".join(proofs)


def _whole_window(window: Window, injection: Injection, forced: Forced) -> Trouble:
    slack = max(SLACK_S, injection.lasts / 10)
    # It is armed before it is seen to bite: looking is no delay.
    late_s = forced.armed_at - forced.armed.took_s - (window.start + injection.after)
    if late_s > slack:
        return [f"{injection.describe()} came into force {late_s:.1f} s late"]
    due = min(forced.armed_at + injection.lasts, window.end)
    if forced.healed_at is not None and due - forced.healed_at > slack:
        return [f"{injection.describe()} ended {due - forced.healed_at:.1f} s early"]
    return []


def _healed(history: History) -> tuple[Trouble, str]:
    trouble: Trouble = []
    proofs = []
    for injection in history.experiment.injections:
        forced = _of(history, injection)
        if forced is None or forced.healed is None:
            trouble.append(f"{injection.describe()} was never healed")
        elif not forced.healed.verified:
            trouble.append(f"the healing of {injection.describe()} was not confirmed: {forced.healed.evidence}")
        else:
            cut = f", which also cut {', '.join(forced.healed.also_cut)}" if forced.healed.also_cut else ""
            proofs.append(f"{forced.healed.by.value}{cut}: {forced.healed.evidence}")
    return trouble or ([] if proofs else ["there was nothing to heal"]), "; ".join(proofs)


def _of(history: History, injection: Injection) -> Forced | None:
    return next((forced for forced in history.forced if forced.injection.id == injection.id), None)


def _baseline(history: History) -> tuple[Trouble, str]:
    window = history.window(WindowKind.BASELINE)
    if window is None:
        return ["there was no baseline"], ""
    trouble: Trouble = []
    proofs = []
    middle = window.start + window.length_s / 2
    for name in judged(history):
        whole = tally(history, window, name)
        first = tally(history, Window(kind=window.kind, start=window.start, end=middle), name)
        second = tally(history, Window(kind=window.kind, start=middle, end=window.end), name)
        trouble += _unsteady(name, whole, first, second, history.alpha)
        proofs.append(f"{name} {whole.bad} bad of {whole.n}")
    return trouble, f"steady: {', '.join(proofs)}"


def _unsteady(name: str, whole: Tally, first: Tally, second: Tally, alpha: float) -> Trouble:
    if whole.n < MIN_SAMPLES:
        return [f"only {whole.n} {name} in the baseline, {MIN_SAMPLES} are needed"]
    if whole.bad / whole.n > DELTA:
        bad = percent(whole.bad / whole.n)
        return [f"the steady state did not hold: {bad} of {whole.n} {name} were bad without a fault"]
    for one, other in ((first, second), (second, first)):
        if rise(one.bad, one.n, other.bad, other.n, alpha).lower > 0:
            halves = f"{first.bad} of {first.n} {name} bad in its first half, {second.bad} of {second.n} in its second"
            return [f"the baseline was not steady: {halves}"]
    return []


def _generator(history: History) -> tuple[Trouble, str]:
    trouble: Trouble = []
    proofs = []
    for kind in (WindowKind.BASELINE, WindowKind.FAULT):
        window = history.window(kind)
        if window is None:
            continue
        rate = None
        if kind is WindowKind.FAULT:
            rate = history.experiment.due_under_fault(window.length_s) / max(window.length_s, 1.0)
        trouble += [f"{kind.value}: {each}" for each in sickness(history.generator, window, rate=rate)]
        proofs.append(f"{kind.value}: {health_told(history.generator, window)}")
    return trouble or ([] if proofs else ["no window was reached"]), "; ".join(proofs)


def _samples(history: History) -> tuple[Trouble, str]:
    window = history.window(WindowKind.FAULT)
    seen = {name: tally(history, window, name).n for name in judged(history)}
    trouble = [
        f"only {n} {name} under the fault, {MIN_SAMPLES} are needed" for name, n in seen.items() if n < MIN_SAMPLES
    ]
    if history.experiment.role is Role.CONTROL:  # judged over all journeys together, so it may be short
        n = sum(seen.values())
        trouble = [f"only {n} journeys under the fault, {MIN_SAMPLES} are needed"] if n < MIN_SAMPLES else []
    if not seen:
        trouble = ["the load has no journeys"]
    return trouble, ", ".join(f"{n} {name}" for name, n in seen.items())
