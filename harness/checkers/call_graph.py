"""Who calls whom, as a graph: circles in it, and the longest way through it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

Graph = Mapping[str, frozenset[str]]
"""Consumer → providers."""


def graph_of(edges: Iterable[tuple[str, str]]) -> Graph:
    """The graph of some edges; all ends are in it."""
    found: dict[str, set[str]] = {}
    for consumer, provider in edges:
        found.setdefault(consumer, set()).add(provider)
        found.setdefault(provider, set())
    return {name: frozenset(found[name]) for name in sorted(found)}


def knots(graph: Graph) -> tuple[frozenset[str], ...]:
    """Nodes of which each leads to each other, the largest knot first; one that leads to itself is a knot too."""
    below = {name: _reached(graph, name) for name in graph}
    found = {frozenset(other for other in below[name] if name in below[other]) for name in graph if name in below[name]}
    return tuple(sorted(found, key=lambda each: (-len(each), sorted(each))))


def without(graph: Graph, node: str) -> Graph:
    """The graph with a node taken out."""
    return {name: providers - {node} for name, providers in graph.items() if name != node}


def _reached(graph: Graph, start: str) -> frozenset[str]:
    found: set[str] = set()
    queue = [start]
    while queue:
        fresh = graph.get(queue.pop(), frozenset()) - found
        found |= fresh
        queue += fresh
    return frozenset(found)


def circles(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """The shortest way round from each edge that closes a circle, each circle once; its first end stands last again."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for consumer, providers in graph.items():
        for provider in sorted(providers):
            back = shortest(graph, provider, consumer)
            if back:
                found.setdefault(frozenset(back), (consumer, *back))
    return tuple(sorted(found.values(), key=lambda each: (len(each), each)))


def shortest(graph: Graph, start: str, end: str) -> tuple[str, ...]:
    """The shortest way, both ends included; empty when there is none."""
    before: dict[str, str] = {start: ""}
    queue = deque([start])
    while queue and end not in before:
        here = queue.popleft()
        for there in sorted(graph.get(here, ())):
            if there not in before:
                before[there] = here
                queue.append(there)
    if end not in before:
        return ()
    way = [end]
    while way[-1] != start:
        way.append(before[way[-1]])
    return tuple(reversed(way))


def longest(graph: Graph, start: str) -> tuple[str, ...]:
    """The longest way from a node on which none comes twice, as far as edges that close a circle are left out."""
    known: dict[str, tuple[str, ...]] = {}
    _longest(graph, start, known, ())
    return known[start]


def _longest(graph: Graph, node: str, known: dict[str, tuple[str, ...]], above: Sequence[str]) -> None:
    way = (*above, node)
    ways: list[tuple[str, ...]] = [()]
    for there in sorted(graph.get(node, ())):
        if there in way:
            continue
        if there not in known:
            _longest(graph, there, known, way)
        if node not in known[there]:
            ways.append(known[there])
    known[node] = (node, *max(ways, key=len))
