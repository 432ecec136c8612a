"""The HTTP stage of a line: it reads exchanges as they pass, and does to them what it is told.

What it does not change passes byte by byte as it came. Whatever it can't read (TLS, HTTP/2, an upgrade, no HTTP at
all) passes unchanged for the rest of the connection.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Protocol

from harness.model.changes import AnswerRule
from harness.model.exchange_rules import ExchangeRule, Met, told
from harness.proxy.alterations import BODY_LIMIT_BYTES
from harness.proxy.memory import Memory
from harness.proxy.passage import Passage

__all__ = ["BODY_LIMIT_BYTES", "LineStage", "Passage"]

MET_LIMIT = 1000
"""Faults whose figures are kept, those in force and those before."""

Report = Callable[[dict[str, object]], None]


class Timer(Protocol):
    """Something that comes later, unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not come."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]


@dataclass(eq=False, slots=True, kw_only=True)
class Fault:
    """A fault that stands on a line, with what it remembers."""

    rule: ExchangeRule
    memory: Memory = field(default_factory=Memory)
    meant: int = 0
    """Exchanges that it means but for its share."""
    hits: int = 0
    passed: int = 0
    why: str = ""

    def takes(self, method: str, path: str) -> bool:
        """Whether it acts on a request, which is counted."""
        if not self.rule.means(method, path):
            return False
        self.meant += 1
        return self.rule.chooses(self.meant)

    def leave(self, why: str) -> None:
        """An exchange that it took passes as it is."""
        self.passed += 1
        self.why = why

    @property
    def met(self) -> Met:
        """Its figures."""
        return Met(hits=self.hits, passed=self.passed, why=self.why)


@dataclass(eq=False, slots=True, kw_only=True)
class LineStage:
    """What is to be done on the connections of one line."""

    report: Report
    now: Callable[[], float]
    later: Later
    on: bool = False
    """Whether anything is to be read."""
    keep: bool = False
    """Whether every exchange is told of, or only those that a rule means."""
    rules: tuple[tuple[re.Pattern[str], AnswerRule], ...] = ()
    faults: dict[str, Fault] = field(default_factory=dict)
    _met: OrderedDict[str, Fault] = field(default_factory=OrderedDict)
    _passages: set[Passage] = field(default_factory=set)

    def set(self, rules: tuple[AnswerRule, ...], *, faults: Mapping[str, ExchangeRule], keep: bool) -> None:
        """From now on do this; what is held back for a fault that is not among them is let go."""
        self.rules = tuple((re.compile(rule.path), rule) for rule in rules)
        standing = self.faults
        self.faults = {
            key: standing[key] if key in standing and standing[key].rule == rule else Fault(rule=rule)
            for key, rule in faults.items()
        }
        for key, fault in self.faults.items():
            self._met[key] = fault
            self._met.move_to_end(key)
        while len(self._met) > MET_LIMIT:
            self._met.popitem(last=False)
        self.keep = keep
        self.on = keep or bool(rules) or bool(faults)
        kept = {id(fault) for fault in self.faults.values()}
        for passage in [each for each in self._passages if each.fault is not None and id(each.fault) not in kept]:
            passage.release()

    def passage(
        self,
        *,
        to_provider: Callable[[bytes], object],
        to_consumer: Callable[[bytes], object],
        hang_up: Callable[[], object],
        answered: Callable[[], object],
        quiet: bool | None = None,
    ) -> Passage:
        """A connection of the line.

        Args:
            to_provider: writes to it.
            to_consumer: writes to it.
            hang_up: ends the connection once all is written.
            answered: is told that an answer was given in the provider's place.
            quiet: of a connection that is read from the middle on, whether every request so far was answered.
        """
        passage = Passage(
            self, to_provider=to_provider, to_consumer=to_consumer, hang_up=hang_up, answered=answered, quiet=quiet
        )
        self._passages.add(passage)
        return passage

    def forget(self, passage: Passage) -> None:
        """Its connection is over."""
        self._passages.discard(passage)

    def rule_for(self, method: str, path: str) -> AnswerRule | None:
        """The first rule that means a request."""
        bare = path.partition("?")[0]
        return next((rule for pattern, rule in self.rules if rule.method == method and pattern.fullmatch(bare)), None)

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The first fault that takes a request."""
        return next((fault for fault in self.faults.values() if fault.takes(method, path)), None)

    def faults_told(self) -> dict[str, object]:
        """The faults that stand, as JSON."""
        return {key: told(fault.rule) for key, fault in self.faults.items()}

    def met_told(self, key: str) -> dict[str, object]:
        """What a fault met, as JSON."""
        return asdict(self._met[key].met if key in self._met else Met())
