"""One journey under way: what its operations and answers were."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.load.journey import Invocation, Mark, Sight, Value
from harness.load.operations import OperationsWriter
from harness.load.outcome import of_journey
from harness.model.observation import Outcome


class Visit:
    """Listens to the operations of one journey, and remembers how its answers were."""

    newcomer = False

    def __init__(
        self,
        journey: str,
        writer: OperationsWriter,
        now: Callable[[], float],
        is_marked: Callable[[object], bool],
        wanted: Mapping[str, float] | None = None,
    ) -> None:
        self.journey = journey
        self.wanted = wanted or {}
        self._writer = writer
        self._now = now
        self._is_marked = is_marked
        self._operations: dict[str, Outcome | None] = {}
        self._answers: list[Outcome] = []

    def invoked(self, invocation: Invocation) -> str:
        """See `harness.load.journey.Listener`."""
        op = self._writer.invoked(invocation, journey=self.journey, t=self._now())
        if not invocation.aside:
            self._operations[op] = None
        return op

    def ended(self, op: str, mark: Mark, value: Mapping[str, Value], saw: Sight | None) -> None:
        """See `harness.load.journey.Listener`."""
        self._writer.ended(op=op, mark=mark, value=value, saw=saw, t=self._now())
        if self.counts(op):
            self._operations[op] = Outcome(mark)

    def counts(self, op: str) -> bool:
        """Whether an operation says how the journey ended, or stands in the history only."""
        return op in self._operations

    def marked(self, response: object) -> bool:
        """See `harness.load.journey.Listener`."""
        return self._is_marked(response)

    def answered(self, outcome: Outcome) -> None:
        """An answer came, and meant this to the customer."""
        self._answers.append(outcome)

    def outcome(self, error: BaseException | None) -> Outcome:
        """How the journey ended; `error` is what its task raised."""
        operations = [outcome or Outcome.UNKNOWN for outcome in self._operations.values()]
        unsettled = Outcome.UNKNOWN in (operations or self._answers)
        return of_journey(operations=operations, answers=self._answers, raised=error is not None, in_flight=unsettled)
