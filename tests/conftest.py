"""What holds for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.quiet import Judged, Quiet

# How long an example takes says more of the machine than of the code; speed belongs into benchmarks.
settings.register_profile("ours", parent=settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("ours")

# Tests run beside one another, and plant defects that are judged by time: whoever else has the processors, they must be
# found. What is to be in doubt then is tested where it says so.
os.environ.setdefault("HARNESS_NEIGHBOURS", "judge")
# A host that has no time for this machine makes an experiment UNKNOWN, which is asked again as soon as it has.
os.environ.setdefault("HARNESS_AGAIN", "8")


def pytest_configure(config: pytest.Config) -> None:
    """See `tests.quiet`."""
    config.pluginmanager.register(Judged(Quiet()), "judged")
