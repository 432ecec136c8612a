"""Judges one cell of the matrix: by defaults that need no declaration, and by what is declared beyond them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.checkers.clean_class import (
    DEADLINE_SLACK,
    CleanClass,
    StepClass,
    content_type,
    described,
    invalid,
    is_success,
    same_class,
)
from harness.checkers.shape import parsed, thinner, zeroed
from harness.checkers.state import COMMANDS
from harness.checkers.trial import Owed, Trial
from harness.model.matrix import SLOW_KINDS, CellFinding, CellVerdict, Kind, Rule
from harness.model.verdict import Verdict, worst
from harness.model.visits import Exchange, Trouble, Visit

GATEWAY_REFUSALS = frozenset({502, 503, 504})
"""What says that someone else could not: 503, and what RFC 9110 has for those who pass a request on."""
UNAVAILABLE = 503
PASSED_ON = 0.9
"""An answer that is later by this part of the fault's own delay has waited for it."""
EVIDENCE_LIMIT = 5
_SHOWN_CHARS, _SHOWN_BYTES = 120, 200
"""Of a body."""
ENOUGH_TO_COMPARE = 2
"""Visits: what one lacks may be its own."""
OVERDUE_SLACK_S = 0.25
"""So much later than its declared deadline a call may be given up: a machine may be busy."""
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_YES, _NO = 2, 4
NOT_NOW = frozenset({408, 409, 412, 423, 424, 425, 429})
"""What refuses a request for what is so at the moment, and not for what it asks: that may be true under a fault."""

Broken = Iterator[tuple[Exchange, str]]
"""Exchanges that break a rule, and how."""


def judge(trial: Trial, owed: Owed) -> CellVerdict:
    """The verdict on a cell: what can't be trusted is UNKNOWN, whatever was seen."""
    doubts = [*_doubts(trial)]
    found = [] if doubts else [*_findings(trial, owed)]
    doubts = doubts or [*_not_put_to_test(trial, found)]
    new = [each for each in found if each.rule not in trial.already]
    findings = tuple(sorted(doubts or new, key=lambda each: each.verdict is not Verdict.FAIL))
    return CellVerdict(
        cell=trial.cell,
        verdict=worst(each.verdict for each in findings) if findings else Verdict.PASS,
        reason=_reason(trial, findings),
        findings=findings,
        remarks=tuple(_remarks(trial, owed)),
        crossings=trial.crossed.count if trial.armed is not None else None,
        samples=len(trial.visits),
        usable=all(_usable(trial, visit) for visit in trial.visits) if trial.usable_before and not doubts else None,
        degraded=_degraded(trial),
        mixed=len({_usable(trial, visit) for visit in trial.visits}) > 1,
        at_once=trial.at_once,
        answer=_worst_answer(trial.visits),
        slowest_s=max((each.took_s for visit in trial.visits for each in visit.exchanges), default=None),
        recovered_s=trial.recovered_s,
        restarted=trial.restarted,
        took_s=trial.took_s,
        replay=trial.replay,
        proxy=tuple(_proxy(trial)),
    )


def _proxy(trial: Trial) -> Iterator[str]:
    """What the proxies said and showed."""
    if trial.armed is not None:
        yield f"asked for the fault: {trial.armed.evidence}"
    if trial.healed is not None:
        yield f"asked to take it back: {trial.healed.evidence}"
        if trial.healed.hits is not None:
            yield f"met it: {trial.healed.hits}"


def _doubts(trial: Trial) -> Iterator[CellFinding]:
    """Why nothing can be said, whatever was seen."""
    if trial.clean.trouble:
        yield _unknown(Rule.UNCLEAN, trial.clean.trouble)
    elif trial.sick:
        yield _unknown(Rule.PROXY, f"{', '.join(trial.sick)} died or hung while the fault was in force")
    elif trial.trouble:
        yield _unknown(Rule.HARNESS, trial.trouble)
    elif trial.armed is None:
        yield _unknown(Rule.NOT_IN_FORCE, "the fault was never put in force")
    elif not trial.armed.in_force:
        yield _unknown(Rule.NOT_IN_FORCE, f"the fault did not bite: {trial.armed.evidence}")
    elif not trial.visits:
        yield _unknown(Rule.HARNESS, "nobody visited while the fault was in force")
    elif trial.healed is None or not trial.healed.verified:
        seen = trial.healed.evidence if trial.healed else "it was never taken back"
        yield _unknown(Rule.NOT_IN_FORCE, f"the fault was not seen to be gone: {seen}")


def _not_put_to_test(trial: Trial, found: Sequence[CellFinding]) -> Iterator[CellFinding]:
    """Unless a request met the fault, or the answers show that it was felt, surviving it means nothing."""
    # Under a first fault the answers differ already, and only a count tells of the second.
    crossed, felt = trial.crossed, _felt(trial) if trial.cell.first is None else ""
    if trial.cell.kind is Kind.PLACEBO:
        if found or felt:
            yield _unknown(Rule.PLACEBO, f"under a fault that does nothing: {found[0].reason if found else felt}")
    elif crossed.met or felt or (trial.cell.kind is Kind.REFUSED and (crossed.own or crossed.usual >= 1)):
        if found and all(each.rule in trial.already for each in found):
            rules = ", ".join(each.rule.value for each in found)
            yield _unknown(Rule.SHADOWED, f"as bad already under {trial.cell.first} alone: {rules}")
    elif crossed.count is None:
        yield _unknown(Rule.NOT_CROSSED, "nothing counts what crosses here, and no answer changed")
    elif trial.cell.kind is Kind.REFUSED:
        reason = "not crossed as far as is known: not each visit does, and a refused connection is not counted"
        yield _unknown(Rule.NOT_CROSSED, reason)
    else:
        anyway = f" beyond what crosses anyway ({crossed.background:.1f})" if crossed.background else ""
        yield _unknown(Rule.NOT_CROSSED, f"not crossed: no request{anyway} met the fault")


def _unknown(rule: Rule, reason: str) -> CellFinding:
    return CellFinding(rule=rule, verdict=Verdict.UNKNOWN, reason=reason)


def _felt(trial: Trial) -> str:
    """How the fault shows in the answers; empty when they are as without it."""
    for visit in trial.visits:
        if why := same_class(trial.clean, visit, deadline_s=float("inf")):
            return why
        for exchange in visit.exchanges:
            step = trial.clean.steps.get(exchange.step)
            if trial.delay_s and step and exchange.took_s >= step.slowest_s + PASSED_ON * trial.delay_s:
                return f"{described(exchange)}, and at most {step.slowest_s * 1000:.0f} ms without it"
    return ""


def _findings(trial: Trial, owed: Owed) -> Iterator[CellFinding]:
    """What did not hold, rule by rule."""
    rules: dict[Rule, Callable[[Trial, Owed], Broken]] = {
        Rule.HANG: _hangs,
        Rule.ERROR: _errors,
        Rule.BROKEN: _breaks,
        Rule.BODY: _bodies,
        Rule.REFUSAL: _refusals,
        Rule.CLASS: _other_class,
    }
    found = [each for rule, broken in rules.items() if (each := _of_rule(rule, trial, owed, broken)) is not None]
    if not any(each.rule is Rule.HANG for each in found):
        late = _of_rule(Rule.SLOW, trial, owed, _slow) or _of_rule(Rule.OVERDUE, trial, owed, _overdue)
        found += [late] if late else []
    yield from found
    if owed.usable and owed.marks and trial.usable_before and not found:
        unmarked = _of_rule(Rule.UNMARKED, trial, owed, _unmarked)
        found += [unmarked] if unmarked else []
        yield from found
    if owed.usable and trial.usable_before and not found and not all(_usable(trial, visit) for visit in trial.visits):
        reason = f"{owed.usable}, but a customer got {_worst_answer(trial.visits)}"
        yield CellFinding(rule=Rule.USABLE, verdict=Verdict.FAIL, reason=reason, evidence=_shown(trial))
    if trial.state.changed:
        no = next(described(each) for each, _ in _exchanges(trial) if each.method in COMMANDS)
        reason = f"{no}, but the state changed: {trial.state.changed[0]}"
        evidence = (*trial.state.changed, *_shown(trial))[:EVIDENCE_LIMIT]
        yield CellFinding(rule=Rule.STATE, verdict=Verdict.FAIL, reason=reason, evidence=evidence)
    if trial.twice:
        yield CellFinding(rule=Rule.TWICE, verdict=Verdict.FAIL, reason=trial.twice[0], evidence=trial.twice)
    if trial.deaths:
        reason = f"an instance ended by itself: {'; '.join(trial.deaths)}"
        yield CellFinding(rule=Rule.DIED, verdict=Verdict.FAIL, reason=reason)
    if trial.recovered_s is None:
        reason = f"not as before within {owed.recover_within_s:g} s of the healing: {trial.ill or 'nobody looked'}"
        reason += "; instances were restarted" if trial.restarted else ""
        yield CellFinding(rule=Rule.RECOVERY, verdict=Verdict.FAIL, reason=reason)


def _of_rule(rule: Rule, trial: Trial, owed: Owed, broken: Callable[[Trial, Owed], Broken]) -> CellFinding | None:
    hits = [*broken(trial, owed)]
    if not hits:
        return None
    exchange, how = hits[0]
    visits = sum(any(each is hit for each in visit.exchanges for hit, _ in hits) for visit in trial.visits)
    reason = f"{described(exchange)}: {how} (in {visits} of {len(trial.visits)} visits)"
    evidence = tuple(f"{described(each)}: {why}{_body_head(each)}" for each, why in hits[:EVIDENCE_LIMIT])
    return CellFinding(rule=rule, verdict=Verdict.FAIL, reason=reason, evidence=evidence)


def _exchanges(trial: Trial) -> Iterator[tuple[Exchange, StepClass | None]]:
    for visit in trial.visits:
        for exchange in visit.exchanges:
            yield exchange, trial.clean.steps.get(exchange.step)


def _hangs(trial: Trial, owed: Owed) -> Broken:
    for exchange, _ in _exchanges(trial):
        if exchange.trouble is Trouble.TIMEOUT or exchange.took_s > owed.deadline_s * DEADLINE_SLACK:
            yield exchange, f"beyond the deadline of {owed.deadline_s:g} s"


def _errors(trial: Trial, owed: Owed) -> Broken:
    for exchange, step in _exchanges(trial):
        allowed = GATEWAY_REFUSALS | owed.declared.get(exchange.step, frozenset()) | (step.statuses if step else set())
        if exchange.trouble is None and (exchange.status or 0) >= _SERVER_ERROR and exchange.status not in allowed:
            yield exchange, f"{exchange.status} where 503 is meant"


def _breaks(trial: Trial, _owed: Owed) -> Broken:
    for exchange, _ in _exchanges(trial):
        if exchange.trouble not in {None, Trouble.TIMEOUT}:
            yield exchange, "the customer's own connection ended without a whole answer"


def _bodies(trial: Trial, owed: Owed) -> Broken:
    for exchange, step in _exchanges(trial):
        if problem := invalid(exchange, step):
            yield exchange, f"a success, but {problem}"
    if not owed.needed:
        yield from _own_checks(trial)


def _other_class(trial: Trial, _owed: Owed) -> Broken:
    """What was there without the fault and is told as not there, or forbidden, or wrong; and the other way round.

    Only the first answer of a visit that is not as usual: those after it may follow from it.
    """
    if trial.cell.kind is Kind.ANSWER:
        return  # Another valid answer may well say that there is nothing.
    for visit in trial.visits:
        for exchange in visit.exchanges:
            step = trial.clean.steps.get(exchange.step)
            if step is None or exchange.trouble is not None or exchange.status is None or exchange.degraded:
                break
            now, before = exchange.status // 100, {each // 100 for each in step.statuses}
            if now in before:
                continue
            usual = " or ".join(map(str, sorted(step.statuses)))
            if {now, *before} == {_YES, _NO} and exchange.status not in NOT_NOW:
                yield exchange, f"{usual} without the fault, and nothing but the fault has changed"
            break


def _own_checks(trial: Trial) -> Broken:
    """Visits that did not get what they came for, though each answer was a full success."""
    for visit in trial.visits:
        if visit.failed and all(is_success(each) and not each.degraded for each in visit.exchanges):
            yield from ((each, f"the journey's own check: {visit.failed}") for each in visit.exchanges[-1:])


def _slow(trial: Trial, owed: Owed) -> Broken:
    if not owed.soft or not trial.delay_s:
        return
    for exchange, step in _exchanges(trial):
        if step and exchange.took_s >= step.slowest_s + PASSED_ON * trial.delay_s:
            yield exchange, f"waited for the fault's delay of {trial.delay_s:g} s, though {owed.soft}"


def _overdue(trial: Trial, owed: Owed) -> Broken:
    """Later than the edge's deadline permits, for all calls of a visit on it together."""
    crossed, deadline_s = trial.crossed, owed.edge_deadline_s
    if deadline_s is None or crossed.count is None or trial.cell.kind not in SLOW_KINDS or trial.cell.first:
        return
    calls = max(1.0, crossed.usual, crossed.count / max(1, len(trial.visits)))
    for exchange, step in _exchanges(trial):
        if step and exchange.took_s > step.slowest_s + calls * deadline_s * DEADLINE_SLACK + OVERDUE_SLACK_S:
            yield (
                exchange,
                (
                    f"at most {step.slowest_s * 1000:.0f} ms without the fault, and {trial.cell.edge} is declared"
                    f" to be waited for {deadline_s:g} s ({calls:.1f} calls a visit)"
                ),
            )


def _refusals(trial: Trial, owed: Owed) -> Broken:
    """Errors that the document declares, but not so: it promises a Retry-After, say."""
    for exchange, step in _exchanges(trial):
        promised = owed.refusals.get(exchange.step, {}).get(exchange.status or 0)
        if exchange.trouble or promised is None or (step and exchange.status in step.statuses):
            continue
        missing = [name for name in promised.headers if name.lower() not in exchange.headers]
        if missing:
            yield exchange, f"without {', '.join(missing)}, which its own document requires"
        elif promised.media and exchange.body and content_type(exchange) not in promised.media:
            said = content_type(exchange) or "no content type"
            yield exchange, f"{said} where its own document declares {', '.join(promised.media)}"


def _unmarked(trial: Trial, owed: Owed) -> Broken:
    """Answers that lack what none lacks without the fault: each visit the same, and the one after the healing not."""
    if len(trial.visits) < ENOUGH_TO_COMPARE or not trial.after:
        return
    after = common_gaps(trial.clean, trial.after)
    for gap, exchange in common_gaps(trial.clean, trial.visits).items():
        if gap not in after:
            yield exchange, f"lacks what it has without the fault ({gap[1]}) and does not say so, though {owed.usable}"


def common_gaps(clean: CleanClass, visits: Sequence[Visit]) -> dict[tuple[str, str], Exchange]:
    """Step and what all visits' answers to it lack, though no clean one does → the first of these answers."""
    each = [_gaps(clean, visit) for visit in visits]
    return {gap: exchange for gap, exchange in (each[0] if each else {}).items() if all(gap in one for one in each)}


def _gaps(clean: CleanClass, visit: Visit) -> dict[tuple[str, str], Exchange]:
    """Step and what is missing in an answer to it → the answer, of those that are not marked as degraded.

    Who asks the same again, until an order is confirmed say, goes by what she hears last.
    """
    found: dict[tuple[str, str], Exchange] = {}
    heard = {(each.method, each.path): each for each in visit.exchanges if is_success(each)}
    for exchange in heard.values():
        step = clean.steps.get(exchange.step)
        if step and step.shape and not exchange.degraded:
            document = parsed(exchange.body)[1]
            for gap in (*thinner(step.shape, document), *zeroed(step.shape, document)):
                found.setdefault((exchange.step, gap), exchange)
    return found


def _usable(trial: Trial, visit: Visit) -> bool:
    """Whether the customer got what she came for, perhaps less of it, and marked so."""
    for exchange in visit.exchanges:
        step = trial.clean.steps.get(exchange.step)
        if exchange.trouble is not None or exchange.status is None or invalid(exchange, step):
            return False
        if exchange.status >= _CLIENT_ERROR and (step is None or exchange.status not in step.statuses):
            return False
    return bool(visit.exchanges) and (not visit.failed or any(each.degraded for each in visit.exchanges))


def _degraded(trial: Trial) -> bool:
    return any(exchange.degraded for exchange, _ in _exchanges(trial))


def _reason(trial: Trial, findings: Sequence[CellFinding]) -> str:
    if findings:
        return findings[0].reason
    met = _met(trial)
    usable = all(_usable(trial, visit) for visit in trial.visits)
    if usable:
        told = "usable, degraded and marked so" if _degraded(trial) else "usable"
    elif any(_own_checks(trial)):
        told = "not had, and told so by answers that are valid"
    else:
        told = f"refused cleanly with {_worst_answer(trial.visits)}"
    return f"{told} in {len(trial.visits)} visits, {met}"


def _met(trial: Trial) -> str:
    crossed = trial.crossed
    if trial.cell.kind is Kind.PLACEBO:
        return "as without it"
    if crossed.met:
        own = f", of which {crossed.usual:g} in each visit are its own" if crossed.own and crossed.usual else ""
        if not crossed.count and crossed.opened:
            return f"{crossed.opened} connections met the fault, and no request could be made"
        return f"{crossed.count} requests met the fault{own}"
    if crossed.count is not None and trial.cell.kind is Kind.REFUSED:
        often = f" {crossed.usual:g} times" if crossed.usual else ""
        return f"a refused connection is not counted; each clean visit crosses{often}"
    return "the answers show that it was felt"


def _remarks(trial: Trial, owed: Owed) -> Iterator[str]:
    """What is worth a line and is no finding."""
    seen: dict[str, None] = {}
    for exchange, step in _exchanges(trial):
        status = exchange.status or 0
        if exchange.trouble is None and step and status not in step.statuses:
            if _CLIENT_ERROR <= status < _SERVER_ERROR:
                # Where it is no finding: after another step had failed, or as what is so at the moment.
                seen[f"{described(exchange)}: it blames the customer for what she did not do"] = None
            elif status in GATEWAY_REFUSALS - {UNAVAILABLE} - owed.declared.get(exchange.step, frozenset()):
                seen[f"{exchange.step} answers {status}: allowed, and less clear than 503 with Retry-After"] = None
        if step and step.shape and is_success(exchange) and not exchange.degraded:
            for gap in thinner(step.shape, parsed(exchange.body)[1]):
                seen[f"{exchange.step} is less than without the fault, and does not say so: {gap}"] = None
    yield from [*seen][:EVIDENCE_LIMIT]
    if owed.needed:
        # "Pending" and "refused" may be told with 200; whether that is what was meant, nobody but a reader can say.
        yield from [f"{described(each)}: {why}; told, since {owed.needed}" for each, why in _own_checks(trial)][:1]
    if trial.state.remark:
        yield trial.state.remark


def _worst_answer(visits: Sequence[Visit]) -> str:
    exchanges = [each for visit in visits for each in visit.exchanges]
    troubles = [each.trouble.value for each in exchanges if each.trouble]
    statuses = [each.status for each in exchanges if each.status is not None]
    return troubles[0] if troubles else str(max(statuses, default="nothing"))


def _shown(trial: Trial) -> tuple[str, ...]:
    lines = [described(exchange) for exchange, _ in _exchanges(trial)]
    return tuple(lines[-EVIDENCE_LIMIT:])


def _body_head(exchange: Exchange) -> str:
    words = " ".join(exchange.body[:_SHOWN_BYTES].decode(errors="replace").split())
    whole = len(words) <= _SHOWN_CHARS and len(exchange.body) <= _SHOWN_BYTES
    head = words if whole else f"{words[:_SHOWN_CHARS]}…"
    return f"; body {head}" if head else ""
