"""What installed packages add to a table of ours, by entry points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from harness.errors import HarnessError


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One of them."""

    name: str
    what: object
    where: str
    """Who says so, for messages."""


def offered(group: str, entries: Iterable[EntryPoint] | None = None) -> Iterator[Offered]:
    """All of a group, imported; of the installed packages unless others are given.

    Raises:
        HarnessError: when one can't be loaded.
    """
    for entry in entry_points(group=group) if entries is None else entries:
        where = f"entry point {entry.name!r} = {entry.value} of group {group}"
        try:
            what = entry.load()
        except Exception as error:
            raise HarnessError(f"{where} can't be loaded: {error}; repair or uninstall its package") from error
        yield Offered(name=entry.name, what=what, where=where)
