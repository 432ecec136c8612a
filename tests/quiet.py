"""A test with real sockets or processes counts when this machine's processors work, and not while they stand still.

On a host that gives its time away they may for half a minute do a tenth of what they do else, and what then takes ten
times as long says nothing of us. So such a test begins when they work; and one that fails while they stand still is as
void as an experiment that the machine disturbed: it is asked again, few times, and the run tells which and why. What
fails while they work has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import pytest
from _pytest.runner import runtestprotocol

from harness.checkers.company import STOOD
from harness.clock import SystemClock, pause
from harness.observe.standing import Stood, watch, worst_between

WAITS_S = 600.0
"""All waits of a session together: a machine that never works well is tested on as it is."""
EVERY_S = 0.1
VOID_S = 600.0
"""When attempts that are void took as long in all, no more are: nothing can be told here, and CI has an end."""
VOID_TIMES = 3
"""So often one test is asked again."""
_MARKS = ("loopback", "e2e")
_now = SystemClock().now


class Quiet:
    """Waits for processors that work, and knows how they did since then."""

    def __init__(
        self,
        seen: Callable[[], Sequence[Stood]] = lambda: watch().seen,
        now: Callable[[], float] = _now,
        wait: Callable[[float], None] = pause,
    ) -> None:
        self._seen = seen
        self._now = now
        self._wait = wait
        self._began: Sequence[Stood] = (Stood(),)
        self.waited_s = 0.0

    def begin(self) -> None:
        """Return when no processor stood still in the last few seconds, or when all waiting is used up."""
        began = self._now()
        left_s = WAITS_S - self.waited_s
        while sum(self._seen()[-2:], Stood()).times and self._now() - began < left_s:
            self._wait(EVERY_S)
        self.waited_s += self._now() - began
        self._began = self._seen()

    @property
    def stood(self) -> float:
        """The share of the worst few seconds since then in which they stood still."""
        return worst_between(self._began, self._seen())


class Judged:
    """The plugin of pytest that lets tests begin, asks the void ones again, and tells of it."""

    def __init__(self, quiet: Quiet) -> None:
        self._quiet = quiet
        self._void: list[str] = []
        self._void_s = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test with all that it needs, anew if it is void."""
        if not _with_time(item):
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports(item, nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _reports(self, item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
        self._quiet.begin()
        for _ in range(VOID_TIMES):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            failed = next((each for each in reports if each.failed), None)
            stood = self._quiet.stood
            if failed is None or stood < STOOD or self._void_s >= VOID_S:
                return reports
            if down := _taken_down(item):
                return [*reports, down]
            self._void_s += sum(each.duration for each in reports)
            self._void.append(
                f"{item.nodeid} ({failed.when}): they stood still for {stood * 100:.0f} % of some seconds"
            )
            self._quiet.begin()
        return runtestprotocol(item, log=False, nextitem=nextitem)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell of a failure how the machine did."""
        report = yield
        if report.failed and _with_time(item) and (stood := self._quiet.stood):
            told = f"In some seconds of it this machine's processors stood still for {stood * 100:.0f} %."
            report.sections.append(("the machine", told))
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was waited for, and what was void."""
        if (waited_s := round(self._quiet.waited_s)) > 0:
            terminalreporter.write_line(f"Tests waited {waited_s} s in all for processors that stood still.")
        if self._void:
            terminalreporter.write_line("Failed while processors stood still, and asked again:")
        for each in self._void:
            terminalreporter.write_line(f"- {each}")


def _with_time(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in _MARKS)


def _taken_down(item: pytest.Item) -> pytest.TestReport | None:
    """Of what the tests of a file share nothing is left, which may be half done; the report if that failed."""
    call = pytest.CallInfo.from_call(lambda: item.session._setupstate.teardown_exact(None), when="teardown")
    return pytest.TestReport.from_item_and_call(item, call) if call.excinfo is not None else None
