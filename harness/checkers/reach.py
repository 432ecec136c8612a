"""Which edges a journey can have to do with, by who calls whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def reached(edges: Iterable[str], entry: str, stores: Collection[str]) -> frozenset[str]:
    """Those of the edges that a request to the entry can lead to, call by call.

    A consumer that shares a store with a service that is reached may be reached through it: by an event, say.
    What crosses any other edge at the same time crosses it by itself.
    """
    left = [edge.partition("->")[::2] for edge in edges]
    known, found = {entry}, set[str]()
    while near := [(one, other) for one, other in left if one in known or (other in known and other in stores)]:
        for consumer, provider in near:
            known |= {consumer, provider}
            found.add(f"{consumer}->{provider}")
            left.remove((consumer, provider))
    return frozenset(found)
