"""HTML and SVG as text in which nothing that comes from outside can be markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

from harness.report.words import printable

_VOID = frozenset({"meta", "link", "br", "hr", "line", "path", "rect", "circle", "stop", "use", "col"})
_NOT_IN_IDS = re.compile(r"[^a-z0-9]+")

Attributes = Mapping[str, str]
NONE: Attributes = {}


class Markup(str):
    """Text that is already markup: only this module's functions make it."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """A text as markup that shows just that text."""
    return Markup(html.escape(printable(text)))


def el(tag: str, attributes: Attributes = NONE, *children: str) -> Markup:
    """An element; children that are no `Markup` are escaped, and so are the attributes' values."""
    opened = tag + "".join(f' {name}="{escaped(value)}"' for name, value in attributes.items())
    if tag in _VOID and not children:
        return Markup(f"<{opened}>" if tag in {"meta", "link", "br", "hr", "col"} else f"<{opened}/>")
    return Markup(f"<{opened}>{joined(children)}</{tag}>")


def joined(children: Iterable[str], between: str = "") -> Markup:
    """Children one after the other."""
    parts = (child if isinstance(child, Markup) else escaped(child) for child in children)
    return Markup(escaped(between).join(parts))


class Ids:
    """Ids that are unique within one document, made from names."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, *words: str) -> str:
        """A new id; the same words again give another one."""
        stem = _NOT_IN_IDS.sub("-", " ".join(words).lower()).strip("-") or "part"
        name, number = stem, 1
        while name in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name)
        return name
