"""What tests import: the faults, what they put them on, and what they measure."""

from harness.errors import HealError, Inconclusive
from harness.faults import black_hole, down, kill, latency, no_op, pause, reset, truncate
from harness.testing.experiments import Conducted
from harness.testing.figure import Figure
from harness.testing.measured import Measured
from harness.testing.system import Breakable, Load, SystemUnderTest

__all__ = [
    "Breakable",
    "Conducted",
    "Figure",
    "HealError",
    "Inconclusive",
    "Load",
    "Measured",
    "SystemUnderTest",
    "black_hole",
    "down",
    "kill",
    "latency",
    "no_op",
    "pause",
    "reset",
    "truncate",
]
