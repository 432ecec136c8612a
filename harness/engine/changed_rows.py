"""Final reads as they are written down: what changed since the last, or a journal grows with the square of its run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from harness.model.observation import FinalRead


class ChangedRows:
    """Remembers what was there when each read was written down last."""

    def __init__(self) -> None:
        self._last: dict[str, Counter[str]] = {}

    def of(self, reads: Iterable[FinalRead]) -> tuple[FinalRead, ...]:
        """The reads with the rows that are new, and those that are gone; one that failed as it is."""
        return tuple(each if each.error else self._changed(each) for each in reads)

    def _changed(self, read: FinalRead) -> FinalRead:
        texts = [json.dumps(row, sort_keys=True) for row in read.rows]
        before, there = self._last.get(read.name, Counter()), Counter(texts)
        self._last[read.name] = there
        same = before & there
        new, left = [], same.copy()
        for text, row in zip(texts, read.rows, strict=True):
            if left[text]:
                left[text] -= 1
            else:
                new.append(row)
        gone = tuple(json.loads(text) for text in (before - there).elements())
        return replace(read, rows=tuple(new), gone=gone, same=same.total())
