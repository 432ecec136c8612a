"""V10: was anything lost, doubled or invented? The declared invariants over the final reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import assert_never

from harness.checkers.blame import Blame, of_service
from harness.checkers.exercised import told_unexercised
from harness.checkers.found import EVIDENCE_LIMIT, finding
from harness.checkers.histories import Book, proved
from harness.checkers.rows import Row, Rows, Unfit, elements_of, is_one_of, key_of, matches, number, quantity_of, shown
from harness.model.figures import GOOD
from harness.model.finding import Finding, Part
from harness.model.guarantee import OfThings
from harness.model.history import History
from harness.model.invariant import (
    AcknowledgedKept,
    Apart,
    AtMostOnce,
    Conserved,
    Follows,
    Invariant,
    Never,
    NeverNegative,
    OverReads,
    Sum,
)
from harness.model.observation import Operation
from harness.model.verdict import Verdict


def safety(history: History) -> tuple[Finding, ...]:
    """Each invariant, over the run so far; one whose reads are missing, failed or unfit is UNKNOWN."""
    book = Book(history.operations)
    return tuple(
        told_unexercised(history, invariant, found)
        for invariant in history.invariants
        for found in _judged(history, invariant, book)
    )


def at_rest(history: History) -> tuple[Finding, ...]:
    """The same of the invariants that may come to hold by waiting, since they are about final reads."""
    return safety(replace(history, invariants=tuple(each for each in history.invariants if each.reads)))


def _judged(history: History, invariant: Invariant, book: Book) -> tuple[Finding, ...]:
    blame = of_service(history.topology, invariant.service)
    if isinstance(invariant, OfThings):
        proof = proved(invariant, book)
        return (_found(history, invariant, proof.verdict, proof.reason, blame, proof.evidence),)
    reads: dict[str, Rows] = {}
    for name in invariant.reads:
        read = next((read for read in reversed(history.reads) if read.name == name), None)
        if read is None or read.error:
            why = f"{name} could not be read: {read.error}" if read else f"{name} was not read"
            return (_found(history, invariant, Verdict.UNKNOWN, why, blame),)
        reads[name] = read.rows
    try:
        return _by_kind(history, invariant, reads, blame)
    except Unfit as unfit:
        return (_found(history, invariant, Verdict.UNKNOWN, str(unfit), blame),)


def _by_kind(  # noqa: PLR0911 -- one line a kind
    history: History, invariant: OverReads, reads: Mapping[str, Rows], blame: Blame
) -> tuple[Finding, ...]:
    match invariant:
        case AcknowledgedKept():
            return (_kept(history, invariant, reads[invariant.read], blame),)
        case AtMostOnce():
            return _once(history, invariant, reads[invariant.read])
        case Conserved():
            return (_conserved(history, invariant, reads, blame),)
        case Never():
            return (_never(history, invariant, reads[invariant.read], blame),)
        case NeverNegative():
            return (_never_negative(history, invariant, reads[invariant.read], blame),)
        case Apart():
            return (_apart(history, invariant, reads, blame),)
        case Follows():
            return (_follows(history, invariant, reads[invariant.read], blame),)
        case _:
            assert_never(invariant)


def _kept(history: History, invariant: AcknowledgedKept, rows: Rows, blame: Blame) -> Finding:
    acknowledged = [each for each in history.operations if each.name == invariant.operation and each.outcome in GOOD]
    if not acknowledged:
        return _found(history, invariant, Verdict.UNKNOWN, f"no {invariant.operation} was acknowledged", blame)
    kept = {key_of(row, invariant.key): row for row in rows}
    missing: list[str] = []
    unfinished: list[str] = []
    nameless = 0
    for operation in acknowledged:
        key = operation.value.get(invariant.key)
        if key is None:
            nameless += 1
        elif str(key) not in kept:
            missing.append(f"{_acknowledgement(operation)} {invariant.key} {key}: missing among {len(rows)} rows")
        elif invariant.final and not is_one_of(kept[str(key)].get(invariant.final.field), invariant.final.values):
            unfinished.append(f"{_acknowledgement(operation)}, at rest: {shown(kept[str(key)])}")
    figures = f"of {len(acknowledged)} acknowledged {invariant.operation}"
    if missing or unfinished:
        reason = f"{figures}, {len(missing)} are missing and {len(unfinished)} are not final"
        return _found(history, invariant, Verdict.FAIL, reason, blame, (*missing, *unfinished))
    if nameless:
        reason = f"{figures}, {nameless} carry no {invariant.key} to look for"
        return _found(history, invariant, Verdict.UNKNOWN, reason, blame)
    return _found(history, invariant, Verdict.PASS, f"{figures}, none is missing" + _final(invariant), blame)


def _final(invariant: AcknowledgedKept) -> str:
    return " and all are final" if invariant.final else ""


def _once(history: History, invariant: AtMostOnce, rows: Rows) -> tuple[Finding, ...]:
    counting = [row for row in rows if matches(row, invariant.where)]
    by_key: dict[str, list[Row]] = {}
    for row in counting:
        by_key.setdefault(key_of(row, invariant.key), []).append(row)
    doubled = [found for found in by_key.values() if len(found) > 1]
    provider = of_service(history.topology, invariant.service, caller=invariant.caller or "")
    if not counting:
        return (_found(history, invariant, Verdict.UNKNOWN, f"{invariant.read} has no rows that count", provider),)
    if not doubled:
        reason = f"none of {len(by_key)} {invariant.key} has two rows in {invariant.read}"
        return (_found(history, invariant, Verdict.PASS, reason, provider),)
    repeated = [found for found in doubled if _is_repetition(found, invariant.token)]
    sent_twice = [found for found in doubled if found not in repeated and _all_have(found, invariant.token)]
    unclear = [found for found in doubled if found not in repeated and found not in sent_twice]
    return tuple(
        _doubled(history, invariant, found, blame, why, len(by_key))
        for found, blame, why in (
            (repeated, provider, f"with the same {invariant.token}: {invariant.service} repeated it"),
            (sent_twice, _sender(history, invariant), _sent_twice(invariant)),
            (unclear, _unclear(history, invariant), _why_unclear(invariant)),
        )
        if found
    )


def _doubled(  # noqa: PLR0913, PLR0917 -- what is needed to word one finding
    history: History, invariant: AtMostOnce, found: list[list[Row]], blame: Blame, why: str, of: int
) -> Finding:
    reason = f"{len(found)} of {of} {invariant.key} have two rows or more in {invariant.read}, {why}"
    evidence = [shown(row) for rows in found for row in rows]
    return _found(history, invariant, Verdict.FAIL, reason, blame, evidence)


def _is_repetition(rows: list[Row], token: str | None) -> bool:
    """Whether some two of the rows carry the same token, so that it was the provider who doubled."""
    tokens = [row.get(token) for row in rows] if token else []
    return any(each is not None and tokens.count(each) > 1 for each in tokens)


def _all_have(rows: list[Row], token: str | None) -> bool:
    return token is not None and all(row.get(token) is not None for row in rows)


def _unclear(history: History, invariant: AtMostOnce) -> Blame:
    """Without tokens it can't be told who doubled, so it is the provider's to explain."""
    return of_service(history.topology, invariant.service, caller=invariant.caller or "", inferred=True)


def _why_unclear(invariant: AtMostOnce) -> str:
    if invariant.token is None:
        return "by whom can't be told without a token"
    return f"by whom can't be told, since not all of them have a {invariant.token}"


def _sender(history: History, invariant: AtMostOnce) -> Blame:
    if invariant.caller is None:
        return _unclear(history, invariant)
    sender = of_service(history.topology, invariant.caller)
    edge = of_service(history.topology, invariant.service, caller=invariant.caller).edge
    return Blame(edge=edge, service=sender.service, owner=sender.owner)


def _sent_twice(invariant: AtMostOnce) -> str:
    return f"each with its own {invariant.token}: {invariant.caller or 'the caller'} sent it twice"


def _conserved(history: History, invariant: Conserved, reads: Mapping[str, Rows], blame: Blame) -> Finding:
    total = _sums(reads, invariant.total, invariant.per)
    parts = [_sums(reads, part, invariant.per) for part in invariant.parts]
    keys = list(dict.fromkeys(key for sums in (total, *parts) for key in sums))
    if not keys:
        return _found(history, invariant, Verdict.UNKNOWN, "there are no rows that count on either side", blame)
    wrong: list[str] = []
    for key in keys:
        left, summands = total.get(key, 0), [sums.get(key, 0) for sums in parts]
        negative = not invariant.may_be_negative and min(left, *summands) < 0
        if negative or not _equal(left, sum(summands)):
            wrong.append(_equation(invariant, key, left, summands))
    if wrong:
        reason = f"it does not hold for {len(wrong)} of {len(keys)} {invariant.per}: {wrong[0]}"
        return _found(history, invariant, Verdict.FAIL, reason, blame, wrong)
    return _found(history, invariant, Verdict.PASS, f"it holds for each of {len(keys)} {invariant.per}", blame)


def _equal(left: float, right: float) -> bool:
    """Whole numbers, however large, must agree exactly; only fractions carry errors of rounding."""
    if isinstance(left, int) and isinstance(right, int):
        return left == right
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)


def _equation(invariant: Conserved, key: str, left: float, summands: list[float]) -> str:
    """`sku A-1: stock.initial 100, but stock.available 90 + stock.sold 9 = 99`."""
    named = (f"{_said(part)} {value:.15g}" for part, value in zip(invariant.parts, summands, strict=True))
    says = f"{_said(invariant.total)} {left:.15g}"
    return f"{invariant.per} {key}: {says}, but {' + '.join(named)} = {sum(summands):.15g}"


def _said(what: Sum) -> str:
    return f"{what.read}.{what.field}" if what.field else f"rows of {what.read}"


def _sums(reads: Mapping[str, Rows], what: Sum, per: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for row in reads[what.read]:
        if not matches(row, what.where):
            continue
        for element in elements_of(row, what.each):
            key = key_of(element if per in element else row, per)
            sums[key] = sums.get(key, 0) + quantity_of(element, what.field)
    return sums


def _never(history: History, invariant: Never, rows: Rows, blame: Blame) -> Finding:
    if not rows:
        return _found(history, invariant, Verdict.UNKNOWN, f"{invariant.read} has no rows", blame)
    wrong = [row for row in rows if matches(row, invariant.where) and _below(row, invariant.below)]
    if wrong:
        reason = f"{len(wrong)} of {len(rows)} rows of {invariant.read}: {shown(wrong[0])}"
        return _found(history, invariant, Verdict.FAIL, reason, blame, map(shown, wrong))
    return _found(history, invariant, Verdict.PASS, f"none of {len(rows)} rows of {invariant.read}", blame)


def _below(row: Row, limits: Mapping[str, float]) -> bool:
    return all(number(row, field) < limit for field, limit in limits.items())


def _never_negative(history: History, invariant: NeverNegative, rows: Rows, blame: Blame) -> Finding:
    if not rows:
        return _found(history, invariant, Verdict.UNKNOWN, f"{invariant.read} has no rows", blame)
    wrong = [row for row in rows if min(number(row, field) for field in invariant.fields) < 0]
    fields = ", ".join(invariant.fields)
    if wrong:
        reason = f"{fields} of {len(wrong)} of {len(rows)} rows of {invariant.read}: {shown(wrong[0])}"
        return _found(history, invariant, Verdict.FAIL, reason, blame, map(shown, wrong))
    reason = f"{fields} of none of {len(rows)} rows of {invariant.read} is below zero"
    return _found(history, invariant, Verdict.PASS, reason, blame)


def _apart(history: History, invariant: Apart, reads: Mapping[str, Rows], blame: Blame) -> Finding:
    """Where no row counts nothing is out of order: a run need not see a cancelled order."""
    one, other = invariant.one, invariant.other
    if not reads[one.read] or not reads[other.read]:
        empty = other.read if reads[one.read] else one.read
        return _found(history, invariant, Verdict.UNKNOWN, f"{empty} has no rows", blame)
    rows = {key_of(row, invariant.key): row for row in reads[one.read] if matches(row, one.where)}
    met = [
        (rows[key], row)
        for row in reads[other.read]
        if matches(row, other.where) and (key := key_of(row, invariant.key)) in rows
    ]
    if met:
        reason = f"{len(met)} {invariant.key} have a row in {one.read} and one in {other.read}: {shown(met[0][0])}"
        evidence = [f"{one.read}: {shown(left)}; {other.read}: {shown(right)}" for left, right in met]
        return _found(history, invariant, Verdict.FAIL, reason, blame, evidence)
    reason = f"none of {len(rows)} {invariant.key} in {one.read} is in {other.read}"
    return _found(history, invariant, Verdict.PASS, reason, blame)


def _follows(history: History, invariant: Follows, rows: Rows, blame: Blame) -> Finding:
    if not rows:
        return _found(history, invariant, Verdict.UNKNOWN, f"{invariant.read} has no rows", blame)
    wrong = [row for row in rows if not _allowed(row, invariant)]
    if wrong:
        reason = f"{len(wrong)} of {len(rows)} {invariant.key} took another way: {shown(wrong[0])}"
        return _found(history, invariant, Verdict.FAIL, reason, blame, map(shown, wrong))
    return _found(history, invariant, Verdict.PASS, f"each of {len(rows)} {invariant.key} took an allowed way", blame)


def _allowed(row: Row, invariant: Follows) -> bool:
    states = row.get(invariant.field)
    if not isinstance(states, list) or not states:
        message = f"expected a list of states in the field {invariant.field!r}, found {shown(row)}"
        raise Unfit(message)
    key_of(row, invariant.key)
    steps = pairwise(map(str, states))
    return states[0] in invariant.first and all(after in invariant.then.get(before, ()) for before, after in steps)


def _acknowledgement(operation: Operation) -> str:
    return f"{operation.name} {operation.key} acknowledged as {operation.outcome} at {operation.end or 0:.1f} s"


def _found(  # noqa: PLR0913, PLR0917 -- what is needed to word one finding
    history: History,
    invariant: Invariant,
    verdict: Verdict,
    reason: str,
    blame: Blame,
    evidence: Iterable[str] = (),
) -> Finding:
    lines = list(evidence)
    if len(lines) > EVIDENCE_LIMIT:
        lines[EVIDENCE_LIMIT - 1 :] = [f"… {len(lines) - EVIDENCE_LIMIT + 1} more"]
    return finding(
        history,
        check=invariant.kind,
        part=Part.SAFETY,
        verdict=verdict,
        reason=reason,
        subject=invariant.name,
        blame=blame,
        evidence=lines,
    )
