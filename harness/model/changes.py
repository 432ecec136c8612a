"""Changes to an answer: what makes a healthy one into another that its provider may give as well.

The standard library only: the relay imports it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

Path = tuple[str | None, ...]
"""Where in a document: names of members or numbers of elements, and None for each element of a list."""
DEPTH_LIMIT = 32


class Act(StrEnum):
    """What is done at a place."""

    SET = "set"
    REMOVE = "remove"
    REVERSE = "reverse"
    """The elements of a list, or the members of an object."""


class Twist(StrEnum):
    """Why an answer that was changed so is one that nobody has seen."""

    ABSENT = "optional member absent"
    NULL = "null"
    EMPTY = "empty list"
    VALUE = "new value"
    PRESENT = "optional member present"
    EXTRA = "unknown member"
    ORDER = "other order"
    LONGEST = "longest text"
    UNICODE = "unusual characters"
    BLANK = "empty text"
    BIG = "big number"
    SMALL = "small number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is different."""

    act: Act
    path: Path
    twist: Twist
    value: object = None
    """JSON; what is set."""

    def __str__(self) -> str:
        """As it is told: `/items/*/image: optional member absent`."""
        return f"{pointer_of(self.path)}: {self.twist}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAnswer:
    """An answer that is given instead of the provider's, whatever that one was."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule:
    """Which answers on a line are changed, and how. The provider is asked all the same, so that its state goes on."""

    method: str
    path: str
    """A regular expression for all of the path, without the query."""
    status: int | None = None
    """Only answers with this status are changed."""
    changes: tuple[Change, ...] = ()
    instead: FixedAnswer | None = None


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptExchange:
    """One request on a line and its answer, as the HTTP stage saw them."""

    line: str
    t: float
    """On the clock of the machine, when the answer was whole."""
    method: str
    path: str
    """With its query."""
    request_headers: Headers
    request_body: bytes
    status: int
    headers: Headers
    """As the provider gave them."""
    body: bytes
    """As the provider gave it, without its content encoding."""
    cut: bool
    """Whether a body was longer than what is kept of it."""
    served: bytes | None = None
    """The body that the consumer got instead; None when it got the provider's own answer."""
    unchanged: str = ""
    """Why a rule that means this request did not change its answer."""

    def header(self, name: str) -> str:
        """A header of the answer; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


_EACH: Final = "*"


def pointer_of(path: Path) -> str:
    """The place as a JSON pointer, with `*` for each element; `/` for the whole document."""
    return "".join(f"/{_EACH if part is None else part.replace('~', '~0').replace('/', '~1')}" for part in path) or "/"


def path_of(pointer: str) -> Path:
    """The place of a JSON pointer; a star stands for each element of a list."""
    parts = pointer.split("/")[1:]
    return tuple(None if part == _EACH else part.replace("~1", "/").replace("~0", "~") for part in parts)


def applied(document: object, changes: Sequence[Change]) -> tuple[object, int]:
    """The document with the changes made, and how many of them met something to change; the given one stays."""
    changed = {"": copy.deepcopy(document)}
    met = 0
    for change in changes:
        places = [*_places(changed, ("", *change.path))]
        met += sum(_act(change, holder, key) for holder, key in places) > 0
    return changed[""], met


_Place = tuple[dict[str, object] | list[object], str | int]


def _places(node: object, path: Path) -> Iterator[_Place]:
    """Who holds what a path means, and under which key; a member of an object need not be there yet."""
    first, rest = path[0], path[1:]
    if first is None:
        if not isinstance(node, list):
            return
        keys: list[str | int] = [*range(len(node))]
    elif isinstance(node, dict):
        keys = [first]
    elif isinstance(node, list) and first.isdecimal() and int(first) < len(node):
        keys = [int(first)]
    else:
        return
    holder = cast("dict[str, object] | list[object]", node)
    for key in keys:
        if not rest:
            yield holder, key
        elif isinstance(holder, list):
            yield from _places(holder[cast("int", key)], rest)
        elif str(key) in holder:
            yield from _places(holder[str(key)], rest)


def _act(change: Change, holder: dict[str, object] | list[object], key: str | int) -> bool:
    if isinstance(holder, list):
        if change.act is Act.REMOVE and isinstance(key, int) and change.path[-1] is not None:
            del holder[key]
            return True
        return isinstance(key, int) and _set(change, holder, key)
    name = str(key)
    if change.act is Act.REMOVE:
        return holder.pop(name, _NOTHING) is not _NOTHING
    if change.act is Act.REVERSE and name not in holder:
        return False
    return _set(change, holder, name)


_NOTHING: Final = object()


def _set(change: Change, holder: dict[str, object] | list[object], key: str | int) -> bool:
    found = holder[key] if isinstance(holder, list) else holder.get(str(key), _NOTHING)  # type: ignore[index]  # a list's key is its index
    value = change.value
    if change.act is Act.REVERSE:
        if isinstance(found, dict):
            value = dict(reversed(found.items()))
        elif isinstance(found, list):
            value = found[::-1]
        else:
            return False
    elif change.act is not Act.SET or (_typed(found) == _typed(value)):
        return False
    holder[key] = copy.deepcopy(value)  # type: ignore[index]  # as above
    return True


def _typed(value: object) -> tuple[type, object]:
    return type(value), value


def change_of(read: Mapping[str, object]) -> Change:
    """A change from its JSON."""
    path = cast("list[str | None]", read["path"])
    return Change(act=Act(str(read["act"])), path=tuple(path), twist=Twist(str(read["twist"])), value=read.get("value"))


def rule_of(read: Mapping[str, object]) -> AnswerRule:
    """A rule from its JSON, as `dataclasses.asdict` gives it."""
    instead = cast("Mapping[str, object] | None", read.get("instead"))
    return AnswerRule(
        method=str(read["method"]),
        path=str(read["path"]),
        status=cast("int | None", read.get("status")),
        changes=tuple(change_of(each) for each in cast("list[Mapping[str, object]]", read.get("changes") or [])),
        instead=None if instead is None else _fixed_of(instead),
    )


def _fixed_of(read: Mapping[str, object]) -> FixedAnswer:
    headers = tuple((str(name), str(value)) for name, value in cast("list[list[str]]", read.get("headers") or []))
    return FixedAnswer(status=int(str(read["status"])), headers=headers, body=str(read.get("body", "")))
