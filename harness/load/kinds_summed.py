"""Distinct answers that several generators saw, as if one had seen them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.model.observation import DistinctAnswer


def summed(answers: Iterable[DistinctAnswer]) -> tuple[DistinctAnswer, ...]:
    """One for each kind, with the earliest sample and the count of all."""
    kinds: dict[tuple[object, ...], DistinctAnswer] = {}
    for each in answers:
        kind = (each.journey, each.request, each.method, each.status, each.answer, each.shape)
        known = kinds.get(kind)
        if known is None:
            kinds[kind] = each
        else:
            kinds[kind] = replace(min(known, each, key=lambda one: one.t), count=known.count + each.count)
    return tuple(kinds.values())
