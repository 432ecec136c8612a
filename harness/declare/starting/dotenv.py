"""Files of `NAME=value` lines, as compose and foreman read them, and the `${NAME}` in texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DeclarationError, Place, Problem

MAX_FILE_BYTES = 1024 * 1024
"""A larger file holds no settings."""
MAX_DEPTH = 20
"""How deep defaults may hold defaults."""

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:=\s*(.*))?")
_QUOTED = re.compile(r"""(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(?:#.*)?""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A value, and where it stands."""

    value: str
    place: Place


class Missing(ValueError):  # noqa: N818 -- what it says of a variable
    """A variable that must be set, or a `${` without its end."""


def read_text(file: Path, *, at: Place | None = None) -> str:
    """A text file within its limit.

    Raises:
        DeclarationError: if it can't be read; at the place that names it, if one does.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            reason = f"is larger than {MAX_FILE_BYTES} bytes"
        else:
            return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = f"can't be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    message = reason if at is None else f"{file} {reason}"
    raise DeclarationError([Problem(place=at or Place(file=str(file)), message=message, remedy="check the path")])


def read_env(file: Path, *, at: Place | None = None) -> dict[str, Setting]:
    """The settings of a file; raises DeclarationError with every line that is none."""
    found: dict[str, Setting] = {}
    problems = []
    for number, line in enumerate(read_text(file, at=at).splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        place = Place(file=str(file), line=number)
        match = _LINE.fullmatch(text)
        if match is None:
            problems.append(Problem(place=place, message=f"expected NAME=value, found {text[:60]!r}"))
            continue
        if match[2] is None:
            continue  # passed on from the caller's environment, if it is there
        found[match[1]] = Setting(value=_value(match[2], found), place=place)
    if problems:
        raise DeclarationError(problems)
    return found


def _value(text: str, before: Mapping[str, Setting]) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None and quoted[2] is not None:
        return quoted[2]
    if quoted is not None:
        plain = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted[1])
    else:
        plain = re.sub(r"\s+#.*", "", text)
    known = {name: setting.value for name, setting in before.items()}
    try:
        return substitute(plain, known, lambda _: None)
    except Missing:
        return plain


def substitute(text: str, values: Mapping[str, str], unset: Callable[[str], None], *, depth: int = 0) -> str:
    """The text with `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}` and `$$` replaced.

    Args:
        text: what is written.
        values: what the variables are.
        unset: told of each that is not, and has no default; it is empty then.
        depth: how deep it is in defaults already.

    Raises:
        Missing: with what `${NAME:?message}` says, and for a `${` that doesn't end.
    """
    if depth > MAX_DEPTH:
        message = f"defaults are nested more than {MAX_DEPTH} deep"
        raise Missing(message)
    parts, position = [], 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        after = text[dollar + 1 :]
        if after.startswith("$"):
            parts.append("$")
            position = dollar + 2
        elif after.startswith("{"):
            end = _closing(text, dollar + 2)
            parts.append(_braced(text[dollar + 2 : end], values, unset, depth))
            position = end + 1
        elif match := _NAME.match(after):
            if match[0] not in values:
                unset(match[0])
            parts.append(values.get(match[0], ""))
            position = dollar + 1 + match.end()
        else:
            parts.append("$")
            position = dollar + 1
    return "".join([*parts, text[position:]])


def _closing(text: str, start: int) -> int:
    depth, position = 1, start
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 1
        elif text[position] == "}":
            depth -= 1
            if not depth:
                return position
        position += 1
    message = f"'${{' without '}}' in {text[:60]!r}"
    raise Missing(message)


def _braced(inner: str, values: Mapping[str, str], unset: Callable[[str], None], depth: int) -> str:
    match = _NAME.match(inner)
    if match is None:
        message = f"'${{{inner[:60]}}}' names no variable"
        raise Missing(message)
    name, rest = match[0], inner[match.end() :]
    value = values.get(name)
    or_empty = rest.startswith(":")
    sign, other = (rest[1:2], rest[2:]) if or_empty else (rest[:1], rest[1:])
    there = value is not None and not (or_empty and not value)

    def expanded() -> str:
        return substitute(other, values, unset, depth=depth + 1)

    match sign:
        case "-":
            return str(value) if there else expanded()
        case "+":
            return expanded() if there else ""
        case "?":
            if not there:
                message = f"the variable {name} must be set" + (f": {other}" if other else "")
                raise Missing(message)
            return str(value)
        case "":
            if value is None:
                unset(name)
            return value or ""
        case _:
            message = f"'${{{inner[:60]}}}' has a form that compose does not know"
            raise Missing(message)
