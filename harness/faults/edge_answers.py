"""Answers that are others than the provider gave: changed, or replaced, in the HTTP stage of the relay."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import ANSWER_WITHIN_S, EdgeFault
from harness.model.changes import AnswerRule
from harness.proxy.line import Line
from harness.proxy.probe import Question, Seen


class Answers(EdgeFault):
    """Changes the answers to chosen requests; the provider is asked all the same. No word of experiments."""

    kind: ClassVar[str] = "answers"
    rules: tuple[AnswerRule, ...]

    def describe(self) -> str:
        """See `FaultSpec`."""
        told = [f"{rule.method} {rule.path}: {', '.join(map(str, rule.changes)) or 'replaced'}" for rule in self.rules]
        return f"other answers ({'; '.join(told)})"

    async def arm(self, line: Line, key: str) -> str:  # noqa: ARG002 -- one such fault is on a line at a time
        """See `EdgeFault`; connections that were open before anything was read are cut."""
        return f"{await line.answer(self.rules)} kinds of answers are changed"

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:  # noqa: ARG002 -- as above; the relay has its own limit
        """See `EdgeFault`."""
        await line.answer(())

    def question(self) -> Question:
        """See `EdgeFault`; it is never asked, since requests of chance may do harm."""
        return Question(within_s=ANSWER_WITHIN_S)

    def bites(self, seen: Seen) -> bool:  # noqa: ARG002 -- nothing that a probe sees tells it
        """See `EdgeFault`."""
        return False

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `EdgeFault`: the relay said that it does; whether an answer was changed, it tells of each."""
        return line.changes_answers, "the relay changes them" if line.changes_answers else "the relay changes nothing"
