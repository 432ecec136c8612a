"""Single values as YAML that reads back as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z_/.~][A-Za-z0-9_./~+-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "~", ".inf", ".nan", "."}


def scalar(text: str) -> str:
    """A text; in quotes where YAML would take it for something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.startswith("."):
        return text
    return f'"{"".join(_quoted(letter) for letter in text)}"'


def _quoted(letter: str) -> str:
    if letter in {'"', "\\"}:
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def listed(texts: Iterable[str]) -> str:
    """`[a, "b c"]`."""
    return f"[{', '.join(scalar(text) for text in texts)}]"


def mapping(entries: Mapping[str, str]) -> str:
    """`{a: b}`, of values that are YAML already."""
    return "{" + ", ".join(f"{scalar(key)}: {value}" for key, value in entries.items()) + "}"


def comment(text: str, indent: str = "") -> str:
    """A text as lines of comments."""
    return "\n".join(f"{indent}# {line}".rstrip() for line in text.splitlines())
