"""Did the state change though the customer was told no?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pydantic import JsonValue

from harness.checkers.clean_class import described, is_refusal
from harness.checkers.shape import PROBLEMS_LIMIT, differences
from harness.model.visits import Visit

COMMANDS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
Views = Mapping[str, JsonValue]
"""What the system says of its state, by what was asked; what could not be read is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What in the views changes when a command is accepted, and at no other time."""

    shows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """View → pointers; views that show nothing are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSeen:
    """What a look at the state before and after said."""

    changed: tuple[str, ...] = ()
    """What changed though every command was refused, each in a line."""
    remark: str = ""
    """Why nothing was looked at, or what was; empty when there was nothing to look at."""


NO_STATE = StateSeen()
"""Nothing was asked."""


def witnesses(idle: Sequence[Views], after: Views) -> Witnesses:
    """What tells an accepted command.

    Args:
        idle: the views twice or more while nobody did anything: what differs between them changes by itself.
        after: the views after a command was accepted.
    """
    shows = {}
    last = idle[-1]
    for name in last:
        if name not in after or any(name not in views for views in idle):
            continue
        restless = {at for views in idle[:-1] for at in differences(views[name], last[name])}
        found = frozenset(at for at in differences(last[name], after[name]) if not _within(at, restless))
        if found:
            shows[name] = found
    return Witnesses(shows=shows)


def state_seen(known: Witnesses, before: Views, after: Views, visits: Sequence[Visit]) -> StateSeen:
    """What changed while every command of some visits was refused."""
    why = not_told_no(visits)
    if why:
        return StateSeen(remark=f"state not looked at: {why}")
    looked = [name for name in known.shows if name in before and name in after]
    if not looked:
        return StateSeen(remark="state not looked at: no view of it shows what an accepted command changes")
    return StateSeen(changed=changes(known, before, after), remark=f"state looked at: {', '.join(looked)}")


def changes(known: Witnesses, before: Views, after: Views) -> tuple[str, ...]:
    """What differs between two looks, where accepted commands show; each view in a line."""
    changed = []
    for name, places in known.shows.items():
        if name in before and name in after:
            found = [at for at in differences(before[name], after[name]) if _akin(at, places)]
            if found:
                changed.append(f"{name} at {', '.join(islice(found, PROBLEMS_LIMIT))}")
    return tuple(changed)


def not_told_no(visits: Sequence[Visit]) -> str:
    """Why a change of state would prove nothing; empty when commands were sent and all were refused."""
    commands = [each for visit in visits for each in visit.exchanges if each.method in COMMANDS]
    if not commands:
        return "no command was sent"
    accepted = next((each for each in commands if not is_refusal(each)), None)
    if accepted is not None:
        return f"not every command was refused ({described(accepted)})"
    return ""


def _within(at: str, places: set[str]) -> bool:
    return any(at == place or at.startswith(f"{place}/") or place == "/" for place in places)


def _akin(at: str, places: frozenset[str]) -> bool:
    """Whether a place is one of those, or within one, or holds one: a list of another length differs as a whole."""
    return any(at == place or at.startswith(f"{place}/") or place.startswith(f"{at}/") or at == "/" for place in places)
