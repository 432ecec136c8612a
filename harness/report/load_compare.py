"""The comparison of two load runs, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from pydantic import TypeAdapter

from harness.model.bound import RATES, SHARES, Bound, Measure
from harness.model.load_compared import Compared, Comparison, Said
from harness.report.words import printable

_MARKS = {Said.WORSE: "✗", Said.WITHIN: "~", Said.ALIKE: "✓", Said.BETTER: "✓", Said.UNTOLD: "?"}
_ORDER = (Said.WORSE, Said.WITHIN, Said.UNTOLD, Said.BETTER, Said.ALIKE)


def compared_text(comparison: Comparison, *, before: str, after: str) -> str:
    """The whole comparison, the worst first within a journey or step."""
    return printable("\n".join(_lines(comparison, before, after)))


def compared_json(comparison: Comparison, *, before: str, after: str) -> str:
    """The same for programs; times in seconds, shares from 0 to 1."""
    content = TypeAdapter(Comparison).dump_python(comparison, mode="json")
    for each, told in zip(content["compared"], comparison.compared, strict=True):
        each["sentence"] = sentence(told, comparison)
    verdict = {"verdict": comparison.verdict.value, "exit_code": comparison.verdict.exit_code}
    return json.dumps({"before": before, "after": after, **verdict, **content}, ensure_ascii=False, indent=2)


def sentence(each: Compared, comparison: Comparison) -> str:
    """`slower by 12 to 31 % (95 %)`, `no difference shown; a difference of 8 % would have been seen`, or why not."""
    if each.said is Said.UNTOLD or each.change is None:
        return f"can't be told: {each.why}"
    if each.said is Said.ALIKE:
        return f"no difference shown; a difference of {_amount(each, each.visible or 0.0)} would have been seen"
    lower, middle, upper = each.change
    least, most = sorted((abs(lower), abs(upper)))
    word = _word(each.figure, rises=middle > 0)
    told = f"{word} by {_range(each, least, most)} ({1 - comparison.error:.0%})".replace("%)", " %)")
    if each.said is Said.WITHIN:
        return f"{told}, not certainly by more than the {_percent(comparison.allowed)} allowed"
    return told


def _lines(comparison: Comparison, before: str, after: str) -> Iterator[str]:
    yield f"A  {before}"
    yield f"B  {after}"
    places = dict.fromkeys(each.place for each in comparison.compared)
    for place in places:
        yield ""
        yield str(place)
        rows = [each for each in comparison.compared if each.place == place]
        for each in sorted(rows, key=lambda row: _ORDER.index(row.said)):
            yield f"  {_MARKS[each.said]} {each.figure.value:<9}{_figures(each):<22}{sentence(each, comparison)}"
    yield ""
    yield from (f"? {each}" for each in (*comparison.trouble, *comparison.missing))
    yield _conclusion(comparison)


def _figures(each: Compared) -> str:
    if each.before is None or each.after is None:
        return f"n = {each.samples_before}, {each.samples_after}"
    bound = Bound(journey="", measure=each.figure, sign="<", limit=0.0)
    return f"{bound.shown(each.before[1])} → {bound.shown(each.after[1])}"


def _conclusion(comparison: Comparison) -> str:
    found = [each.said for each in comparison.compared]
    count = {said: found.count(said) for said in Said}
    told = f"{len(found)} figures: {_counts(count.items())}" if found else "nothing could be compared"
    match comparison.verdict.exit_code:
        case 0:
            return f"No worse. {told}."
        case 1:
            return f"Worse. {told}."
        case _:
            return f"Can't tell. {told}." + _advice(comparison)


def _advice(comparison: Comparison) -> str:
    """What would settle it."""
    untold = any(each.said is Said.UNTOLD and not each.place.step for each in comparison.compared)
    return " Run both longer, or ask for less: --figures p50,failed." if untold and not comparison.trouble else ""


def _counts(counts: Iterable[tuple[Said, int]]) -> str:
    return ", ".join(f"{count} {said.value}" for said, count in counts if count)


def _word(figure: Measure, *, rises: bool) -> str:
    if figure in SHARES or figure in RATES:
        return "more" if rises else "less"
    return "slower" if rises else "faster"


def _range(each: Compared, least: float, most: float) -> str:
    if each.figure in SHARES:
        return f"{least * 100:.2g} to {most * 100:.2g} points"
    return f"{_digits(least)} to {_digits(most)} %"


def _amount(each: Compared, size: float) -> str:
    return f"{size * 100:.2g} points" if each.figure in SHARES else _percent(size)


def _percent(share: float) -> str:
    return f"{_digits(share)} %"


def _digits(share: float) -> str:
    return f"{share * 100:.0f}" if share >= 0.1 else f"{share * 100:.2g}"  # noqa: PLR2004 -- from 10 % on, whole ones
