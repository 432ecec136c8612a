"""How figures, times and verdicts are worded; the same in every report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from harness.model.verdict import Verdict

NOTHING = "\N{EN DASH}"
"""What stands where there is no figure."""

MARKS = {Verdict.PASS: "✓", Verdict.UNKNOWN: "?", Verdict.FAIL: "✕"}
"""A verdict is never told by its colour alone."""
EXCUSED = "~"
"""What is red and does not make the run red: somebody accepted it, or it was known."""

BADNESS = {Verdict.FAIL: 0, Verdict.UNKNOWN: 1, Verdict.PASS: 2}
"""Sort key: worst first."""

_MINUTE_S = 60
_HOUR_S = 3600
_KEPT_CONTROLS = "\t\n"
_NOT_IN_XML = {0xFFFE, 0xFFFF}


def seconds(value: float | None) -> str:
    """A length of time in its most readable unit: `0.4 ms`, `12 ms`, `3.2 s`, `2 min 05 s`."""
    if value is None:
        return NOTHING
    if value < 0.0095:  # noqa: PLR2004 -- below 9.5 ms the digit behind the point tells something
        return f"{value * 1000:.1f} ms" if value > 0 else "0 s"
    if value < 0.9995:  # noqa: PLR2004 -- what would round to 1000 ms is 1 s
        return f"{value * 1000:.0f} ms"
    if value < _MINUTE_S:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"  # noqa: PLR2004 -- three digits
    whole = round(value)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def share(part: int, whole: int) -> str:
    """`part` of `whole` in per cent with three digits; a dash of nothing."""
    if not whole:
        return NOTHING
    if part == whole:
        return "100%"
    per_cent = 100 * part / whole
    # What is not all must not be rounded to all.
    return f"{min(per_cent, 99.99):.4g}%" if per_cent > 99 else f"{per_cent:.3g}%"  # noqa: PLR2004 -- per cent


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 finding`, `3 findings`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    items = list(words)
    return items[0] if len(items) == 1 else " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def instant(wall: str, t: float = 0.0) -> dt.datetime:
    """The time of day, in UTC, `t` seconds after `wall` (ISO 8601; without an offset it is taken for UTC)."""
    began = dt.datetime.fromisoformat(wall)
    began = began.replace(tzinfo=dt.UTC) if began.tzinfo is None else began.astimezone(dt.UTC)
    return began + dt.timedelta(seconds=t)


def utc(wall: str, t: float = 0.0) -> str:
    """That instant as it is shown: `2026-05-04T10:20:30Z`."""
    return instant(wall, t).strftime("%Y-%m-%dT%H:%M:%SZ")


def edge_label(name: str) -> str:
    """`consumer->provider` as it is shown: `consumer → provider`."""
    return name.replace("->", " → ")


def printable(text: str) -> str:
    r"""The text with control characters written out (`\x1b`), so that evidence can't drive a terminal or break XML."""
    if text.isprintable():
        return text
    return "".join(each if _harmless(each) else f"\\x{ord(each):02x}" for each in text)


def _harmless(character: str) -> bool:
    code = ord(character)
    if character in _KEPT_CONTROLS:
        return True
    return not (code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in _NOT_IN_XML)  # noqa: PLR2004 -- C0, C1, lone surrogates


def first_line(text: str, limit: int) -> str:
    """The first line of a text, shortened to `limit` characters."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
