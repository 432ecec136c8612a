"""What usually mends a red cell or finding, by what did not hold and how the edge failed: advice, never a diagnosis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.model.finding import Finding
from harness.model.matrix import SLOW_KINDS, CellVerdict, Kind, Rule
from harness.model.verdict import Verdict

_CUT = frozenset({Kind.TRUNCATE_0, Kind.TRUNCATE_HEAD, Kind.TRUNCATE_BODY, Kind.RESET})
_BAD_CONTENT = frozenset({Kind.HTML_200, Kind.MALFORMED})

TIME_OUT = (
    "Give {consumer}'s call to {provider} a timeout for connecting and one for the whole call, retries included, that"
    " is shorter than what its own caller waits."
)
REFUSE = (
    "Let {consumer} catch every error of the call, answer 503 with Retry-After and application/problem+json where it"
    " can't do without, and leave 500 to its own defects."
)
WITHOUT = (
    "Let {consumer} answer without what {provider} gives, and mark the answer as degraded the way the system declares."
)

_BY_RULE: Mapping[Rule, str] = {
    Rule.HANG: TIME_OUT,
    Rule.SLOW: TIME_OUT,
    Rule.OVERDUE: TIME_OUT,
    Rule.ERROR: REFUSE,
    Rule.BROKEN: REFUSE,
    Rule.USABLE: WITHOUT,
    Rule.UNMARKED: "Mark answers that lack something as degraded, the way the system declares.",
    Rule.BODY: (
        "Let {consumer} check {provider}'s answer before it passes it on: its status, its type, that it is whole, and"
        " the fields that it needs."
    ),
    Rule.STATE: (
        "A no that was a yes: give the command an idempotency key, keep what is pending, and ask {provider} what became"
        " of it before anybody is told no; or answer 202 and settle it later."
    ),
    Rule.TWICE: (
        "Give each command of {consumer} one idempotency key, made before its first attempt and sent with each of them;"
        " let {provider} answer a known key with what it answered first. Without a key, don't try a command again."
    ),
    Rule.DIED: "Catch the error where the call is made: one answer of a provider must not end an instance.",
    Rule.RECOVERY: (
        "Throw away connections and cached errors that failed, limit how long a breaker stays open, and see that"
        " nothing waits without a limit in a pool or queue."
    ),
    Rule.REFUSAL: "Send what the service's own OpenAPI document promises with that status, or amend the document.",
    Rule.DOCUMENT: "Declare that answer in the service's OpenAPI document, or answer as it declares.",
    Rule.TRACE: "Log the inside of the program, and tell customers a status and a reference.",
}
_UNKNOWN: Mapping[Rule, str] = {
    Rule.NOT_CROSSED: "Nothing to mend yet: see that the journey really crosses the edge, then run the command below.",
    Rule.NOT_IN_FORCE: "Nothing to mend yet: the fault did not act, or was not seen to be gone. Run it again alone.",
    Rule.PROXY: "Nothing to mend yet: a Toxiproxy or the relay died, see its log in the run's directory. Run it again.",
    Rule.UNCLEAN: "Mend the journey first: it fails, or changes from visit to visit, without any fault.",
    Rule.FLAKY: "Settle it first, with more visits (--visits 10) on a machine that is not busy.",
}
_BY_CHECK: Mapping[str, str] = {
    "availability": "See which answers were bad, and on which edge: a fallback, or another instance, is missing there.",
    "deadline": "Somebody waits longer than his own caller: shorten timeouts on the way down, retries included.",
    "degraded": "Mark degraded answers the way the system declares, and keep them valid.",
    "conformance": "Answer as the service's OpenAPI document declares under faults too, or declare what it answers.",
    "retries": (
        "Retry only calls that are idempotent, at one level only, few times, with growing and random pauses, and spend"
        " a budget on it."
    ),
    "recovery": "Limit how long breakers stay open and backlogs may grow, and start lost connections anew.",
    "metastable": (
        "It stays ill though the cause is gone: shed load early, and bound retries and queues, so that it can catch up."
    ),
    "isolation": (
        "What does not use the edge suffered too: give calls to each provider pools and limits of their own."
    ),
    "safety": "Something was lost, doubled or invented: idempotency keys, and one transaction or a compensation.",
}


def of_cell(result: CellVerdict) -> Iterator[str]:
    """What usually mends it, the worst first; nothing of a cell that passed."""
    cell = result.cell
    seen: dict[str, None] = {}
    for found in result.findings:
        if found.verdict is Verdict.PASS:
            continue
        table = _BY_RULE if found.verdict is Verdict.FAIL else {**_BY_RULE, **_UNKNOWN}
        if (told := table.get(found.rule)) is not None:
            seen[told] = None
        for more in _by_kind(found.rule, cell.kind) if found.verdict is Verdict.FAIL else ():
            seen[more] = None
    yield from (each.format(consumer=cell.consumer, provider=cell.provider) for each in seen)


def _by_kind(rule: Rule, kind: Kind) -> Iterator[str]:
    if rule in {Rule.ERROR, Rule.BROKEN} and kind in SLOW_KINDS:
        yield "Where time was up, that too is a 503 and no 500."
    if rule in {Rule.ERROR, Rule.BROKEN, Rule.BODY} and kind in _CUT:
        yield (
            "A connection may end within an answer: read it whole before using it, and retry once where the call is"
            " idempotent, nowhere else."
        )
    if rule is Rule.ERROR and kind in _BAD_CONTENT:
        yield "Look at status and content type before parsing, and treat what does not parse as an error of {provider}."
    if rule is Rule.STATE and kind in SLOW_KINDS:
        yield "A call that was given up may still be done: what is not known is no 'no'."
    if rule is Rule.ERROR and kind in {Kind.STATUS_500, Kind.STATUS_503}:
        yield "An error of {provider} is not one of {consumer}: don't pass its 500 on."


def of_finding(finding: Finding) -> Iterator[str]:
    """What usually mends what an experiment found."""
    check = finding.check.partition(" ")[0]
    told = _BY_CHECK.get(check) or next((text for name, text in _BY_CHECK.items() if check.startswith(name)), "")
    if finding.verdict is Verdict.UNKNOWN:
        yield "Nothing to mend yet: too little was seen to say yes or no; the command below would settle it."
    elif told:
        yield told
