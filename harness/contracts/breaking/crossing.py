"""Changes crossed with the pacts: who breaks, in which interaction, and what nobody notices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from harness.contracts.breaking.change import Change, Direction, Level
from harness.contracts.compare.expectation import Body, expectation_of, message_body
from harness.contracts.compare.mismatch import ComparedInteraction, Mismatch
from harness.contracts.pacts import Interaction, Kind, Pact
from harness.errors import Place

_FIRST_REFUSAL = 400
_STEP = re.compile(r"\.([^.\[\]]+)")
_EXACT = frozenset({"equality", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A consumer that a change concerns, in one interaction."""

    consumer: str
    interaction: str
    place: Place
    operation: str
    change: Change | None
    """None when only holding the pact against the new document tells."""
    why: str
    certain: bool
    """True when it breaks; else it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """Everything that changed, and whom it concerns."""

    hits: tuple[Hit, ...]
    unnoticed: tuple[Change, ...]
    """Breaking or risky by the rules, and no pact relies on it."""
    undecided: tuple[ComparedInteraction, ...]
    """Interactions that did not fit the old document either, or could not be judged."""
    alive: tuple[str, ...]
    """Consumers with a pact."""

    @property
    def breaks(self) -> tuple[Hit, ...]:
        """The hits that are certain."""
        return tuple(each for each in self.hits if each.certain)

    @property
    def risks(self) -> tuple[Hit, ...]:
        """The hits that are not."""
        return tuple(each for each in self.hits if not each.certain)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Used:
    """What an interaction relies on."""

    status: int
    expected: Body | None
    sent: Body | None
    parameters: frozenset[str]
    headers: frozenset[str]


Judge = Callable[[Interaction], ComparedInteraction]


def cross(changes: Sequence[Change], pacts: Iterable[Pact], old: Judge, new: Judge) -> Crossed:
    """Find whom changes concern.

    Args:
        changes: between the old document and the new one.
        pacts: with this provider.
        old: holds an interaction against the old document; one without an operation is none of its.
        new: against the new one.
    """
    hits: list[Hit] = []
    undecided: list[ComparedInteraction] = []
    listed = tuple(pacts)
    for pact in listed:
        known = _known_statuses(pact, old)
        for each in pact.interactions:
            before = old(each)
            if before.unjudged or before.errors:
                undecided.append(before)
            elif before.operation:
                case = _Case(
                    consumer=pact.consumer,
                    interaction=each,
                    before=before,
                    after=new(each),
                    known=known.get(before.operation, frozenset()),
                )
                hits += _hits(case, changes)
    noticed = {each.change for each in hits}
    return Crossed(
        hits=tuple(_once(hits)),
        unnoticed=tuple(each for each in changes if each.level is not Level.SAFE and each not in noticed),
        undecided=tuple(undecided),
        alive=tuple(dict.fromkeys(pact.consumer for pact in listed)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One interaction, held against both."""

    consumer: str
    interaction: Interaction
    before: ComparedInteraction
    after: ComparedInteraction
    known: frozenset[str]
    """The statuses that the consumer has interactions for, of this operation."""

    def hit(self, change: Change | None, why: str, *, certain: bool) -> Hit:
        return Hit(
            consumer=self.consumer,
            interaction=self.interaction.label,
            place=self.interaction.place,
            operation=self.before.operation,
            change=change,
            why=why,
            certain=certain,
        )


def _hits(case: _Case, changes: Sequence[Change]) -> Iterator[Hit]:
    operations = case.before.operation.split(" or ")
    own = [each for each in changes if each.operation in operations or not each.operation]
    used = _used(case.interaction)
    unexplained = list(case.after.errors)
    for change in sorted(own, key=lambda each: each.level is Level.SAFE):
        explained = [each for each in case.after.errors if _explains(change, each)]
        if explained and (change.level is not Level.SAFE or explained[0] in unexplained):
            unexplained = [each for each in unexplained if each not in explained]
            yield case.hit(change, f"{explained[0]}{_renamed(change, own)}", certain=True)
            continue
        found = _relies(change, used, case.known)
        if found is not None:
            yield case.hit(change, f"{found[0]}{_renamed(change, own)}", certain=found[1])
    for each in unexplained:
        yield case.hit(None, str(each), certain=True)
    if case.after.unjudged:
        yield case.hit(None, case.after.unjudged, certain=True)


def _renamed(change: Change, others: Sequence[Change]) -> str:
    """What a property that is gone may be called now: one that is new beside it."""
    if "property-removed" not in change.rule:
        return ""
    names = dict.fromkeys(
        each.names[-1]
        for each in others
        if "property-added" in each.rule
        and (each.direction, each.status, each.names[:-1]) == (change.direction, change.status, change.names[:-1])
    )
    return f"; perhaps it is called {' or '.join(names)} now" if names else ""


def _once(hits: Iterable[Hit]) -> Iterator[Hit]:
    """A new answer concerns a consumer once, however many interactions it has with the operation."""
    seen: set[tuple[str, Change]] = set()
    for each in hits:
        if each.change is None or "status-added" not in each.change.rule:
            yield each
        elif (each.consumer, each.change) not in seen:
            seen.add((each.consumer, each.change))
            yield each


def _explains(change: Change, mismatch: Mismatch) -> bool:
    """Whether a mismatch is the consequence of a change."""
    where, rule = mismatch.where, change.rule
    match mismatch.code:
        case "request.path" | "request.method":
            return rule.startswith("api-") and change.direction is Direction.BOTH
        case "request.security":
            return "security" in rule
        case "response.status":
            return "status-removed" in rule
    side = where.partition(" ")[0].partition(".")[0].replace("contents", Direction.RESPONSE)
    if change.direction != side:
        return False
    if not change.names:
        return ("body" in where and "body" in rule) or ("media-type" in rule and "content-type" in where)
    return _same_place(change, mismatch)


def _same_place(change: Change, mismatch: Mismatch) -> bool:
    where, tail = mismatch.where, change.names[-1]
    at = tuple(_STEP.findall(where.partition("$")[2])) if "$" in where else (where.rpartition(" ")[2],)
    if tuple(map(str.lower, at)) == tuple(map(str.lower, change.names)):
        return True
    return at == change.names[:-1] and f"'{tail}'" in mismatch.message


def _relies(change: Change, used: _Used, known: frozenset[str]) -> tuple[str, bool] | None:
    """How an interaction relies on what changed, and whether it surely breaks; None when it does not."""
    if "status-added" in change.rule:
        return _new_status(change, used, known)
    if change.level is Level.SAFE or (change.status and not _of_status(change.status, used.status)):
        return None
    if change.direction is Direction.RESPONSE:
        return _reads(change, used)
    if change.direction is Direction.REQUEST:
        sends = _has(used.sent, change.names) or any(name.lower() in used.parameters for name in change.names[:1])
        meant = used.status < _FIRST_REFUSAL and sends
        return ("it sends this, and what its pact sends is still taken", False) if meant else None
    calls = change.level is Level.BREAKING and change.operation
    return ("it calls this operation", False) if calls else None


def _reads(change: Change, used: _Used) -> tuple[str, bool] | None:
    if not change.names:
        return ("it reads this answer", change.level is Level.BREAKING) if used.expected is not None else None
    if "header" in change.rule:
        found = change.names[0].lower() in used.headers
        return ("it reads this header", change.level is Level.BREAKING) if found else None
    if not _has(used.expected, change.names):
        return None
    if "enum-value-added" in change.rule:
        return _copes(change, used)
    return "it reads this", change.level is Level.BREAKING


def _copes(change: Change, used: _Used) -> tuple[str, bool]:
    """Whether the pact's own rule takes the new value; an example without a rule takes itself only."""
    rules = [
        each
        for each in (used.expected.matchers if used.expected else ())
        if tuple(step for step in each.path if step != "*" and not step.isdecimal()) == change.names
    ]
    for each in rules:
        if each.kind == "regex" and not re.search(str(each.options.get("regex", "")), change.value):
            return f"its pact takes {each.options.get('regex')!r} only", True
    if not rules or all(each.kind in _EXACT for each in rules):
        return "its pact takes one value here", True
    return "its pact takes any value here; whether the consumer does is not proved", False


def _new_status(change: Change, used: _Used, known: frozenset[str]) -> tuple[str, bool] | None:
    if not change.status or change.status in known:
        return None
    if "non-success" in change.rule:
        return "none of its interactions has this answer", False
    if used.status >= _FIRST_REFUSAL:
        return None
    return "it succeeds with this operation, and no interaction of its has this answer", True


def _known_statuses(pact: Pact, old: Judge) -> dict[str, frozenset[str]]:
    known: dict[str, frozenset[str]] = {}
    for each in pact.interactions:
        if each.kind is Kind.HTTP:
            operation = old(each).operation
            if operation:
                known[operation] = known.get(operation, frozenset()) | {str(_used(each).status)}
    return known


def _used(interaction: Interaction) -> _Used:
    if interaction.kind is Kind.MESSAGE:
        body = message_body(interaction)
        return _Used(status=0, expected=body, sent=None, parameters=frozenset(), headers=frozenset())
    expectation = expectation_of(interaction)
    request, response = expectation.request, expectation.response
    return _Used(
        status=response.status,
        expected=response.body,
        sent=request.body,
        parameters=frozenset(map(str.lower, (*request.query, *request.headers))),
        headers=frozenset(response.headers),
    )


def _of_status(declared: str, status: int) -> bool:
    return declared.upper() in {str(status), f"{status // 100}XX", "DEFAULT"}


def _has(body: Body | None, names: Sequence[str]) -> bool:
    """Whether a body has a property at a path, lists left out."""
    return body is not None and bool(names) and _holds(body.value, names)


def _holds(value: JsonValue, names: Sequence[str]) -> bool:
    if not names:
        return True
    if isinstance(value, list):
        return any(_holds(each, names) for each in value)
    return isinstance(value, dict) and names[0] in value and _holds(value[names[0]], names[1:])
