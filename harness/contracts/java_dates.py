"""Date formats as Java has them, which Pact uses, as regular expressions."""

from __future__ import annotations

import re
from itertools import groupby

_NAMES = {
    "E": r"[^\W\d_]+\.?",
    "a": "[AaPp][Mm]",
    "z": r"[A-Za-z/_+-]+[0-9:]*",
    "G": "[^\\W\\d_]+",
    "V": r"[A-Za-z/_+-]+",
}
_OFFSETS = {"X": r"(Z|[+-]\d{2}(:?\d{2})?)", "x": r"[+-]\d{2}(:?\d{2})?", "Z": r"(Z|[+-]\d{2}:?\d{2})"}
_RANGES = {
    "M": "(0?[1-9]|1[0-2])",
    "d": r"(0?[1-9]|[12]\d|3[01])",
    "H": r"([01]?\d|2[0-3])",
    "m": r"[0-5]?\d",
    "s": r"([0-5]?\d|60)",
}
_YEAR = 4
"""Digits."""
_MONTH_NAME = 3
"""So many letters M mean its name."""


def date_pattern(form: str) -> str:
    """`yyyy-MM-dd'T'HH:mm:ssXXX` as a regular expression for the whole text; it is lenient about ranges."""
    parts = re.split(r"('(?:[^']|'')*')", form)
    return "".join(_quoted(each) if each.startswith("'") else _letters(each) for each in parts)


def _quoted(part: str) -> str:
    return re.escape(part[1:-1].replace("''", "'") or "'")


def _letters(part: str) -> str:
    return "".join(_group(letter, len(list(group))) for letter, group in groupby(part))


def _group(letter: str, count: int) -> str:
    if letter in _OFFSETS:
        return _OFFSETS[letter]
    if letter in _NAMES or (letter in "ML" and count >= _MONTH_NAME):
        return _NAMES.get(letter, r"[^\W\d_]+\.?")
    if letter in "SnAN":
        return r"\d{1,9}" if letter == "n" else rf"\d{{{count},9}}"
    if letter.isalpha() and letter.isascii():
        return _RANGES.get(letter, rf"\d{{1,{max(count, _YEAR)}}}")
    return re.escape(letter) * count
