"""What holds for all tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.quiet import Quiet

# How long an example takes says more of the machine than of the code; speed belongs into benchmarks.
settings.register_profile("ours", parent=settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("ours")

# Tests run beside one another, and plant defects that are judged by time: whoever else has the processors, they must be
# found. What is to be in doubt then is tested where it says so.
os.environ.setdefault("HARNESS_NEIGHBOURS", "judge")
# A host that has no time for this machine makes an experiment UNKNOWN, which is asked again as soon as it has.
os.environ.setdefault("HARNESS_AGAIN", "8")

_quiet = Quiet()
_WITH_TIME = ("loopback", "e2e")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any of its fixtures."""
    if any(item.get_closest_marker(name) for name in _WITH_TIME):
        _quiet.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a failure how the machine did."""
    report = yield
    if report.failed and any(item.get_closest_marker(name) for name in _WITH_TIME) and (told := _quiet.told()):
        report.sections.append(("the machine", told))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was waited for the machine."""
    if (waited_s := round(_quiet.waited_s)) > 0:
        terminalreporter.write_line(f"Tests waited {waited_s} s in all for processors that stood still.")
