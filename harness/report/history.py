"""The history of a system's runs, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from pydantic import JsonValue, TypeAdapter

from harness.model.run_history import RunHistory, RunLine, ThingHistory, Trend
from harness.model.verdict import Verdict
from harness.report.words import BADNESS, MARKS, count, printable, seconds, utc

FORMAT = 1
MAX_RUNS_SHOWN = 40
MAX_THINGS_SHOWN = 60
"""More are in the JSON."""
_ABSENT = "·"
_HISTORIES = TypeAdapter(tuple[RunHistory, ...])


def history_text(histories: Sequence[RunHistory]) -> str:
    """The runs, then what is not simply green: restless, failing, or with a trend."""
    return printable("\n\n".join("\n".join(_lines(each)) for each in histories))


def history_json(histories: Sequence[RunHistory]) -> str:
    """Everything, for other programs."""
    content: list[JsonValue] = _HISTORIES.dump_python(tuple(histories), mode="json")
    return json.dumps({"format": FORMAT, "systems": content}, ensure_ascii=False, indent=1)


def _lines(history: RunHistory) -> Iterator[str]:
    yield f"{history.system}: {count(len(history.runs), 'run')}, oldest first"
    if len(history.runs) > MAX_RUNS_SHOWN:
        yield f"  … {count(len(history.runs) - MAX_RUNS_SHOWN, 'earlier run')}"
    yield from (f"  {_run(each)}" for each in history.runs[-MAX_RUNS_SHOWN:])
    told = in_order(history.things)
    if told:
        yield ""
        yield f"What is not simply green ({_ABSENT} not judged):"
        yield from (f"  {_thing(each)}" for each in told[:MAX_THINGS_SHOWN])
    if len(told) > MAX_THINGS_SHOWN:
        yield f"  and {count(len(told) - MAX_THINGS_SHOWN, 'more')}: --format json tells all".replace("mores", "more")
    yield ""
    yield _conclusion(history)


def _run(line: RunLine) -> str:
    counts = ", ".join(f"{line.counts[each]} {each}" for each in BADNESS if line.counts.get(each))
    verdict = f"{MARKS[line.verdict]} {line.verdict}" if line.verdict else "? cut short"
    return f"{utc(line.wall)}  {verdict:<11}  {line.run}  ({counts or 'nothing judged'})"


def in_order(things: Iterable[ThingHistory]) -> list[ThingHistory]:
    """Those that are not simply green, the worst first."""
    return sorted((each for each in things if _worth_telling(each)), key=_order)


def _worth_telling(thing: ThingHistory) -> bool:
    latest = _latest(thing)
    return thing.restless or latest is not Verdict.PASS or thing.trend in {Trend.RISING, Trend.FALLING}


def _latest(thing: ThingHistory) -> Verdict | None:
    return next((each for each in reversed(thing.verdicts) if each), None)


def _order(thing: ThingHistory) -> tuple[int, int, str]:
    latest = _latest(thing)
    return (BADNESS[latest] if latest else len(BADNESS), -thing.changes, thing.name)


def _thing(thing: ThingHistory) -> str:
    shown = thing.verdicts[-MAX_RUNS_SHOWN:]
    marks = "".join(MARKS[each] if each else _ABSENT for each in shown)
    parts = [f"{marks}  {thing.kind} {thing.name}"]
    if thing.changes:
        parts.append(f"changed {thing.changes} of {thing.chances} times")
    if thing.flaky_in:
        parts.append(f"flaky within {count(thing.flaky_in, 'run')}")
    if recovery := _recovery(thing):
        parts.append(recovery)
    return "; ".join(parts)


def _recovery(thing: ThingHistory) -> str:
    known = [each for each in thing.recovery_s if each is not None]
    if not any(known):
        return ""
    told = f"well again after {seconds(known[-1])}"
    if len(known) == 1:
        return told
    return f"{told} (median {seconds(median(known))}, worst {seconds(max(known))} of {len(known)}; {thing.trend})"


def _conclusion(history: RunHistory) -> str:
    restless = sum(each.restless for each in history.things)
    decided = [each for each in history.things if each.chances]
    told = (
        f"{count(len(history.things), 'thing')} judged, {len(decided)} of them in two runs or more, {restless} restless"
    )
    trends = [each.trend for each in history.things]
    return f"{told}; recovery {trends.count(Trend.RISING)} rising, {trends.count(Trend.FALLING)} falling."
