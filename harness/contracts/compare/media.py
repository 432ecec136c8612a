"""Whether media types agree, with their parameters and wildcards."""

from __future__ import annotations

from collections.abc import Iterable

_IGNORED = ("charset", "q", "boundary")
"""Parameters that tell how it is written, not what it is."""


def chosen(sent: str, declared: Iterable[str]) -> str | None:
    """The declared media range that a content type falls under, the most exact first; None when none does."""
    kind, parameters = _split(sent)
    best: tuple[int, str] | None = None
    for each in declared:
        candidate, wanted = _split(each)
        rank = _rank(candidate, kind)
        if rank is None or any(parameters.get(name, value) != value for name, value in wanted.items()):
            continue
        score = rank * 10 + sum(parameters.get(name) == value for name, value in wanted.items())
        if best is None or score > best[0]:
            best = (score, each)
    return best[1] if best else None


def acceptable(accept: str, declared: Iterable[str]) -> bool:
    """Whether an Accept header leaves room for one of the declared media ranges."""
    offered = [_split(each)[0] for each in declared]
    for part in accept.split(","):
        kind, parameters = _split(part)
        if parameters.get("q") in {"0", "0.0", "0.00", "0.000"}:
            continue
        if any(_rank(kind, each) is not None or _rank(each, kind) is not None for each in offered):
            return True
    return False


def is_json(content_type: str) -> bool:
    """Whether bodies of this type are JSON: `application/json`, `application/problem+json`."""
    kind = _split(content_type)[0]
    return kind in {"application/json", "text/json"} or kind.endswith("+json")


def is_form(content_type: str) -> bool:
    """Whether a body is written as a query is."""
    return _split(content_type)[0] == "application/x-www-form-urlencoded"


def is_text(content_type: str) -> bool:
    """Whether a body is text that a schema may speak of."""
    return _split(content_type)[0].startswith("text/")


def _rank(pattern: str, kind: str) -> int | None:
    if pattern == kind:
        return 3
    main, _, sub = pattern.partition("/")
    if sub == "*" and main != "*" and kind.partition("/")[0] == main:
        return 2
    return 1 if pattern in {"*/*", "*"} else None


def _split(text: str) -> tuple[str, dict[str, str]]:
    kind, *rest = (part.strip() for part in text.split(";"))
    pairs = (each.partition("=") for each in rest if "=" in each)
    read = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs}
    return kind.lower(), {name: value for name, value in read.items() if name not in _IGNORED or name == "q"}
