"""Many changes in few answers, and from an answer that breaks something back to the least that does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from harness.model.changes import Act, Change, Path, Twist

Breaks = Callable[[Sequence[Change]], Awaitable[bool]]


def bundles(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """The changes in as few answers as may be: those of one twist together, unless one hides the other."""
    found: list[tuple[Change, ...]] = []
    for twist in Twist:
        left = [change for change in changes if change.twist is twist]
        while left:
            # The deeper first: what stands around them waits for an answer of its own.
            left.sort(key=lambda change: -len(change.path))
            chosen: list[Change] = []
            for change in left:
                if not any(hides(change, other) for other in chosen):
                    chosen.append(change)
            found.append(tuple(chosen))
            left = [change for change in left if change not in chosen]
    return found


def hides(one: Change, other: Change) -> bool:
    """Whether two changes can't both show: they are of one place, or one is within what the other replaces."""
    if Act.REVERSE in (one.act, other.act):
        return one.path == other.path
    return _within(one.path, other.path) or _within(other.path, one.path)


def _within(inner: Path, outer: Path) -> bool:
    return inner[: len(outer)] == outer


async def least(changes: Sequence[Change], breaks: Breaks) -> tuple[Change, ...]:
    """Undo one change after another; gives those without which it would not break.

    What breaks it is known to be among `changes`. `breaks` may stop at a limit of its own by saying False.
    """
    kept = list(changes)
    if len(kept) > 1:
        for half in (kept[: len(kept) // 2], kept[len(kept) // 2 :]):
            if await breaks(half):
                return await least(half, breaks)
    for change in changes:
        fewer = [each for each in kept if each is not change]
        if fewer and await breaks(fewer):
            kept = fewer
    return tuple(kept)
