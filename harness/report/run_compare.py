"""The comparison of two runs, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue, TypeAdapter

from harness.model.run_compared import RunChange, RunComparison, Turn
from harness.model.verdict import Verdict
from harness.report.words import printable

MAX_OF_A_KIND = 30
"""More changes of one kind that turned alike are counted; the JSON has all of them."""
_MARKS = {
    Turn.WORSE: "✕",
    Turn.WITHIN: "~",
    Turn.UNTOLD: "?",
    Turn.GONE: "?",
    Turn.NEW: "+",
    Turn.BETTER: "✓",
    Turn.ALIKE: "✓",
}
_COMPARISON = TypeAdapter(RunComparison)


def compared_text(comparison: RunComparison, *, before: str, after: str) -> str:
    """What changed, the worst first; what is as before is only counted."""
    return printable("\n".join(_lines(comparison, before, after)))


def compared_json(comparison: RunComparison, *, before: str, after: str) -> str:
    """Everything that was judged, for other programs."""
    content: dict[str, JsonValue] = _COMPARISON.dump_python(comparison, mode="json")
    verdict: dict[str, JsonValue] = {
        "verdict": comparison.verdict.value,
        "exit_code": comparison.verdict.exit_code,
    }
    return json.dumps({"before": before, "after": after, **verdict, **content}, ensure_ascii=False, indent=2)


def _lines(comparison: RunComparison, before: str, after: str) -> Iterator[str]:
    yield f"A  {before}"
    yield f"B  {after}"
    yield from (f"?  {each}" for each in comparison.trouble)
    yield from (f"   {each}" for each in comparison.remarks)
    told = [each for each in comparison.changes if each.turn is not Turn.ALIKE]
    for turn in Turn:
        rows = [each for each in told if each.turn is turn]
        if rows:
            yield ""
            yield f"{turn.value}:"
        for kind in dict.fromkeys(each.kind for each in rows):
            yield from _kind([each for each in rows if each.kind == kind])
    yield ""
    yield _conclusion(comparison)


def _kind(rows: Sequence[RunChange]) -> Iterator[str]:
    yield from (_line(each) for each in rows[:MAX_OF_A_KIND])
    if len(rows) > MAX_OF_A_KIND:
        yield f"    and {len(rows) - MAX_OF_A_KIND} more of {rows[0].kind}: --format json tells all"


def _line(change: RunChange) -> str:
    sides = " → ".join(each or "not judged" for each in (change.before, change.after))
    return f"  {_MARKS[change.turn]} {change.kind} {change.name}: {sides} ({change.certainty})"


def _conclusion(comparison: RunComparison) -> str:
    words = {Verdict.PASS: "No worse", Verdict.FAIL: "Worse", Verdict.UNKNOWN: "Can't tell"}[comparison.verdict]
    counts = [f"{comparison.count(turn)} {turn.value}" for turn in Turn if comparison.count(turn)]
    told = ", ".join(counts) or "nothing could be compared"
    certain = f" Shares of bad answers hold together with {1 - comparison.error:.0%}.".replace("%.", " %.")
    shares = any(each.kind == "bad answers" for each in comparison.changes)
    return f"{words}: {told}.{certain if shares else ''}"
