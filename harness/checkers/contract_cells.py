"""Judges one cell of the contracts under fault: one service, one kind of failure on one of its edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.checkers.clean_class import described
from harness.checkers.differential import Due, Replay, Wrong, differs, not_as_before, wrongs
from harness.checkers.trial import Crossed
from harness.model.fault import Armed, Healed
from harness.model.matrix import Cell, CellFinding, CellVerdict, Kind, Rule
from harness.model.replayed import Asked
from harness.model.verdict import Verdict, worst

EVIDENCE_LIMIT = 5
NOT_COUNTED = Crossed(count=None)
BODY_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PactHeld:
    """One interaction of a pact, verified while the fault was in force."""

    subject: str
    """`gateway → catalog: a request for a product`."""
    verdict: Verdict
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTrial:
    """One cell from arming to what came after its healing. `cell.journey` is the service."""

    cell: Cell
    armed: Armed | None = None
    replays: tuple[Replay, ...] = ()
    """While the fault was in force."""
    crossed: Crossed = NOT_COUNTED
    healed: Healed | None = None
    ill: tuple[tuple[Replay, str], ...] = ()
    """Requests that were not answered as before when the time for it was over: the last answer, and why."""
    recovered_s: float | None = None
    deaths: tuple[str, ...] = ()
    pacts: tuple[PactHeld, ...] = ()
    trouble: str = ""
    sick: tuple[str, ...] = ()
    """Proxies that died or hung while the fault was in force."""
    left_out: int = 0
    """Requests for which there was no time."""
    took_s: float = 0.0
    replay: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obliged:
    """What a cell is held to."""

    due: Mapping[str, Due]
    """By operation."""
    recover_within_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of one operation in one cell: one rule that did not hold."""

    operation: str
    """Empty where it is about the whole cell."""
    finding: CellFinding
    asked: Asked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A cell as it stands in the table, and what was found operation by operation."""

    result: CellVerdict
    found: tuple[Found, ...] = field(default=())


def judge_contracts(trial: ContractTrial, obliged: Obliged) -> Judged:
    """What can't be trusted is UNKNOWN; what was seen to be wrong stands even where no request was counted."""
    doubts = [*_doubts(trial)]
    found = doubts or [*_found(trial, obliged)]
    if not doubts and not any(each.finding.verdict is Verdict.FAIL for each in found):
        found += _not_put_to_test(trial, obliged)
    found.sort(key=lambda each: each.finding.verdict is not Verdict.FAIL)
    verdict = worst(each.finding.verdict for each in found) if found else Verdict.PASS
    return Judged(
        result=CellVerdict(
            cell=trial.cell,
            verdict=verdict,
            reason=_reason(trial, obliged, found),
            findings=tuple(_in_table(each) for each in found),
            crossings=trial.crossed.count,
            samples=len(trial.replays),
            usable=not doubts and not any(_differs(each, obliged) for each in trial.replays),
            degraded=any(each.exchange.degraded for each in trial.replays),
            answer=_worst_answer(trial.replays),
            slowest_s=max((each.exchange.took_s for each in trial.replays), default=None),
            recovered_s=trial.recovered_s,
            took_s=trial.took_s,
            replay=trial.replay,
        ),
        found=tuple(found),
    )


def _in_table(found: Found) -> CellFinding:
    told = f"{found.operation}: {found.finding.reason}" if found.operation else found.finding.reason
    return replace(found.finding, reason=told)


def _doubts(trial: ContractTrial) -> Iterator[Found]:
    if trial.sick:
        yield _unknown(Rule.PROXY, f"{', '.join(trial.sick)} died or hung while the fault was in force")
    elif trial.trouble:
        yield _unknown(Rule.HARNESS, trial.trouble)
    elif trial.armed is None:
        yield _unknown(Rule.NOT_IN_FORCE, "the fault was never put in force")
    elif not trial.armed.in_force:
        yield _unknown(Rule.NOT_IN_FORCE, f"the fault did not bite: {trial.armed.evidence}")
    elif not trial.replays and not trial.pacts:
        yield _unknown(Rule.NOT_TRIED, "nothing was asked while the fault was in force")
    elif trial.healed is None or not trial.healed.verified:
        seen = trial.healed.evidence if trial.healed else "it was never taken back"
        yield _unknown(Rule.NOT_IN_FORCE, f"the fault was not seen to be gone: {seen}")


def _unknown(rule: Rule, reason: str) -> Found:
    return Found(operation="", finding=CellFinding(rule=rule, verdict=Verdict.UNKNOWN, reason=reason))


def _found(trial: ContractTrial, obliged: Obliged) -> Iterator[Found]:
    """Each operation and rule once, with how many of its requests."""
    hits: dict[tuple[str, Rule], list[tuple[Replay, Wrong]]] = {}
    for replay in trial.replays:
        operation = replay.healthy.asked.operation
        for wrong in wrongs(replay, obliged.due[operation]):
            hits.setdefault((operation, wrong.rule), []).append((replay, wrong))
    for (operation, rule), some in hits.items():
        first, wrong = some[0]
        asked = sum(each.healthy.asked.operation == operation for each in trial.replays)
        reason = f"{wrong.reason} (in {len(some)} of {asked} requests)"
        finding = CellFinding(
            rule=rule,
            verdict=wrong.verdict,
            reason=reason,
            evidence=tuple(line for replay, _ in some[:EVIDENCE_LIMIT] for line in shown(replay)),
        )
        yield Found(operation=operation, finding=finding, asked=first.healthy.asked)
    if trial.cell.kind is Kind.PLACEBO and (changed := [each for each in trial.replays if _differs(each, obliged)]):
        why = not_as_before(changed[0], obliged.due[changed[0].healthy.asked.operation])
        finding = CellFinding(rule=Rule.PLACEBO, verdict=Verdict.FAIL, reason=f"under a fault that does nothing: {why}")
        yield Found(operation="", finding=finding)
    yield from _afterwards(trial, obliged)
    for pact in trial.pacts:
        if pact.verdict is not Verdict.PASS:
            reason = f"{pact.subject}: {pact.reason}"
            broken = CellFinding(rule=Rule.PACT, verdict=pact.verdict, reason=reason, evidence=pact.evidence)
            yield Found(operation="", finding=broken)
    if trial.left_out:
        yield _unknown(Rule.NOT_TRIED, f"the budget was used up before {trial.left_out} requests were asked")


def _afterwards(trial: ContractTrial, obliged: Obliged) -> Iterator[Found]:
    ill: dict[str, list[tuple[Replay, str]]] = {}
    for replay, why in trial.ill:
        ill.setdefault(replay.healthy.asked.operation, []).append((replay, why))
    for operation, some in ill.items():
        replay, why = some[0]
        reason = f"not as before {obliged.recover_within_s:g} s after the healing: {why}"
        evidence = tuple(line for each, _ in some[:EVIDENCE_LIMIT] for line in shown(each))
        finding = CellFinding(rule=Rule.RECOVERY, verdict=Verdict.FAIL, reason=reason, evidence=evidence)
        yield Found(operation=operation, finding=finding, asked=replay.healthy.asked)
    if trial.deaths:
        reason = f"an instance ended by itself: {'; '.join(trial.deaths)}"
        yield Found(operation="", finding=CellFinding(rule=Rule.DIED, verdict=Verdict.FAIL, reason=reason))


def _not_put_to_test(trial: ContractTrial, obliged: Obliged) -> list[Found]:
    """Unless a request met the fault, or the answers show that it was felt, holding means nothing."""
    crossed = trial.crossed
    felt = any(_differs(each, obliged) for each in trial.replays)
    # What is counted under a fault may be attempts to connect again; so the edge must have been crossed without it.
    # A refused connection never reaches what counts.
    met = crossed.usual > 0 and (crossed.met or trial.cell.kind is Kind.REFUSED)
    if trial.cell.kind is Kind.PLACEBO or met or felt:
        return []
    if crossed.count is None:
        return [_unknown(Rule.NOT_CROSSED, "nothing counts what crosses here, and no answer changed")]
    if crossed.count and not crossed.usual:
        reason = f"not crossed without the fault by any replayed request; {crossed.count} met it, of whoever"
        return [_unknown(Rule.NOT_CROSSED, reason)]
    anyway = f" beyond what crosses anyway ({crossed.background:.1f})" if crossed.background else ""
    return [_unknown(Rule.NOT_CROSSED, f"not crossed: no replayed request{anyway} met the fault")]


def _differs(replay: Replay, obliged: Obliged) -> bool:
    return differs(replay, obliged.due[replay.healthy.asked.operation])


def shown(replay: Replay) -> tuple[str, ...]:
    """A replayed request with its answers, healthy and now, each in a line."""
    exchange = replay.exchange
    head = " ".join(exchange.body[: 2 * BODY_SHOWN_CHARS].decode(errors="replace").split())[:BODY_SHOWN_CHARS]
    kind = exchange.headers.get("content-type", "")
    return (
        f"without the fault: {described(replay.healthy.exchanges[-1])}",
        f"under it:          {described(exchange)}" + (f" {kind}" if kind else "") + (f": {head}" if head else ""),
    )


def _reason(trial: ContractTrial, obliged: Obliged, found: Sequence[Found]) -> str:
    if found:
        first = found[0]
        return f"{first.operation}: {first.finding.reason}" if first.operation else first.finding.reason
    replays = trial.replays
    refused = sum(_differs(each, obliged) for each in replays)
    operations = len({each.healthy.asked.operation for each in replays})
    told = f"{len(replays)} requests of {operations} operations: {len(replays) - refused} as without the fault"
    told += f", {refused} refused in the declared way" if refused else ""
    told += f"; {len(trial.pacts)} interactions of pacts keep to what they owe" if trial.pacts else ""
    if trial.crossed.count:
        told += f"; {trial.crossed.count} requests met the fault"
    return told


def _worst_answer(replays: Sequence[Replay]) -> str:
    troubles = [each.exchange.trouble.value for each in replays if each.exchange.trouble]
    statuses = [each.exchange.status for each in replays if each.exchange.status is not None]
    return troubles[0] if troubles else str(max(statuses, default="nothing"))
