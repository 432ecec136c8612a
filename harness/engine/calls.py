"""Names the calls that journeys make, by listening on the edges of plain HTTP while nothing is broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from harness.checkers.alike import Call, Seen
from harness.checkers.clean_class import same_class
from harness.engine.familiar import SETTLE_S, Familiar
from harness.engine.ground import Ground, Listening
from harness.engine.hearing import Heard
from harness.engine.kinds import HTTP
from harness.model.system import CUSTOMERS, edge_name

LISTENED_VISITS = 5
"""Clean ones; what is heard in all of them, but for one at most, is the journey's."""
LISTENED_AT_MOST = 25
"""Visits until so many were clean: connections are cut when the listening begins, and breakers may open."""
AGAIN = 2
"""What is heard in so many may be the journey's; once, it may be anybody's."""
_WITH_DIGIT = re.compile(r"[^/]*\d[^/]*")

Named = Counter[tuple[str, str, str]]
"""Request of the customer, edge, what was asked → how often."""


async def listen(ground: Ground, journeys: Sequence[Familiar], numbers: Iterator[int]) -> None:
    """Pay some visits while all edges of plain HTTP are heard, and note what calls each journey makes.

    Raises:
        HarnessError: where nobody can hear; then nothing is known, and nothing pruned.
    """
    topology = ground.topology
    entry = edge_name(CUSTOMERS, topology.system.entry)
    edges = [name for name, edge in topology.edges.items() if topology.protocol(edge) == HTTP]
    wanted = [edge for edge in edges if edge == entry or any(edge in known.usual for known in journeys)]
    if ground.hearing is None or entry not in edges:
        return
    listening = ground.hearing(wanted)
    try:
        await listening.start()
        for known in journeys:
            if not known.trouble:
                visits = await _calls(ground, listening, known, numbers, entry)
                known.seen = seen(known.usual, visits, frozenset(wanted), ground.topology.system.entry)
    finally:
        await listening.stop()


async def _calls(
    ground: Ground, listening: Listening, known: Familiar, numbers: Iterator[int], entry: str
) -> list[Named]:
    """The calls of each of some clean visits; of none when there are too few."""
    each: list[Named] = []
    for _ in range(LISTENED_AT_MOST):
        await ground.clock.sleep(SETTLE_S)
        await listening.take()
        visit = await ground.visitor.visit(known.journey, number=next(numbers))
        heard = await listening.take()
        if not same_class(known.clean, visit, deadline_s=known.deadline_s):
            each.append(named(heard, entry))
        if len(each) == LISTENED_VISITS:
            return each
    return []


def named(heard: Sequence[Heard], entry: str) -> Named:
    """Calls by the request of the customer within which they were answered; what came after the last is in none."""
    names: Named = Counter()
    waiting: list[tuple[str, str]] = []
    for each in sorted(heard, key=lambda one: (one.exchange.t, one.edge == entry)):
        asked = operation(each.exchange.method, each.exchange.path)
        if each.edge != entry:
            waiting.append((each.edge, asked))
            continue
        names.update((asked, *call) for call in waiting)
        names[asked, entry, asked] += 1
        waiting.clear()
    return names


def operation(method: str, path: str) -> str:
    """`GET /products/{}?q`: parts with a digit are taken for names of things, and of a query the names are kept."""
    bare, _, query = path.partition("?")
    asked = "/".join("{}" if _WITH_DIGIT.fullmatch(part) else part for part in bare.split("/"))
    keys = sorted({part.partition("=")[0] for part in query.split("&") if part})
    return f"{method} {asked}" + (f"?{'&'.join(keys)}" if keys else "")


def seen(usual: Collection[str], visits: Sequence[Named], heard: frozenset[str], entry: str) -> dict[str, Seen]:
    """What the services see on each edge that a journey crosses.

    Of an edge that nobody can read, that are the calls to its consumer: what it does follows from what it is asked.
    """
    often: Counter[Call] = Counter(call for visit in visits for call in _numbered(visit))
    found = {}
    for edge in usual:
        consumer = edge.partition("->")[0]
        into = frozenset({edge}) if edge in heard else frozenset(_into(heard, consumer, entry))
        mine = {call: count for call, count in often.items() if call.edge in into}
        found[edge] = Seen(
            calls=frozenset(call for call, count in mine.items() if count >= len(visits) - 1),
            perhaps=frozenset(call for call, count in mine.items() if count >= AGAIN),
        )
    return found


def _numbered(calls: Named) -> Iterator[Call]:
    for (request, edge, asked), count in calls.items():
        yield from (Call(request, edge, asked, nth) for nth in range(1, count + 1))


def _into(heard: frozenset[str], consumer: str, entry: str) -> Iterator[str]:
    yield from (edge for edge in heard if edge.partition("->")[2] == consumer)
    if consumer == entry:
        yield edge_name(CUSTOMERS, entry)
