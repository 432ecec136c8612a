"""A question asked of several generators, and their answers as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.load.wire import Done


@dataclass(slots=True)
class _Asked:
    waiting: set[str]
    answer: Done
    answered: int = 0


class Questions:
    """Those that are not yet answered by all who were asked; one who is gone is waited for no more."""

    def __init__(self) -> None:
        self._asked: dict[int, _Asked] = {}

    def ask(self, number: int, of: Iterable[str]) -> None:
        """So many are asked; at least one."""
        self._asked[number] = _Asked(set(of), Done(id=number))

    def answered(self, worker: str, done: Done) -> Done | None:
        """One answers; gives the answer of all when it was the last."""
        asked = self._asked.get(done.id)
        if asked is None or worker not in asked.waiting:
            return None
        asked.answer = _joined(asked.answer, done)
        asked.answered += 1
        return self._without(worker, done.id, asked)

    def gone(self, worker: str) -> list[Done]:
        """One will never answer; gives the answers that waited for it alone.

        Where nobody else was asked there is none, and the answer says so.
        """
        told = []
        for number, asked in list(self._asked.items()):
            if worker not in asked.waiting:
                continue
            if len(asked.waiting) == 1 and not asked.answered:
                asked.answer = Done(id=number, error=f"the worker {worker} is gone and did not answer")
            if (done := self._without(worker, number, asked)) is not None:
                told.append(done)
        return told

    def _without(self, worker: str, number: int, asked: _Asked) -> Done | None:
        asked.waiting.discard(worker)
        if asked.waiting:
            return None
        del self._asked[number]
        return asked.answer


def _joined(one: Done, other: Done) -> Done:
    """Both answers as one: what is in flight adds up, the first that went wrong counts."""
    return Done(
        id=one.id,
        in_flight=one.in_flight + other.in_flight,
        failed=one.failed or other.failed,
        trace=one.trace or other.trace,
        error=one.error or other.error,
        late_s=max(one.late_s, other.late_s),
    )
