"""The table of faults: what may stand in an experiment, by its word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint

from harness.declare.offered import offered as from_packages
from harness.errors import HarnessError
from harness.faults.edge_bandwidth import Bandwidth
from harness.faults.edge_black_hole import BlackHole
from harness.faults.edge_down import Down
from harness.faults.edge_flapping import Flapping
from harness.faults.edge_half_open import HalfOpen
from harness.faults.edge_latency import Latency
from harness.faults.edge_limit import Limit
from harness.faults.edge_no_op import NoOp
from harness.faults.edge_one_way import OneWay
from harness.faults.edge_reset import Reset
from harness.faults.edge_slice import Slice
from harness.faults.edge_slow_close import SlowClose
from harness.faults.edge_truncate import Truncate
from harness.faults.exchange_delay import Delay
from harness.faults.exchange_drop_field import DropField
from harness.faults.exchange_duplicate import Duplicate
from harness.faults.exchange_html_200 import Html200
from harness.faults.exchange_malformed import Malformed
from harness.faults.exchange_stale import Stale
from harness.faults.exchange_status import Status
from harness.faults.exchange_trickle import Trickle
from harness.faults.exchange_wrong_type import WrongType
from harness.faults.instance_cpu import Cpu
from harness.faults.instance_crash_loop import CrashLoop
from harness.faults.instance_descriptors import Descriptors
from harness.faults.instance_full_disk import FullDisk
from harness.faults.instance_kill import Kill
from harness.faults.instance_memory import Memory
from harness.faults.instance_pause import Pause
from harness.faults.instance_restart import Restart
from harness.faults.instance_stop import Stop
from harness.faults.spec import EdgeFault, InstanceFault
from harness.model.fault import FaultSpec

FAULTS: Mapping[str, type[FaultSpec]] = {
    "latency": Latency,
    "down": Down,
    "black-hole": BlackHole,
    "reset": Reset,
    "truncate": Truncate,
    "bandwidth": Bandwidth,
    "slow-close": SlowClose,
    "half-open": HalfOpen,
    "slice": Slice,
    "limit": Limit,
    "flapping": Flapping,
    "one-way": OneWay,
    "status": Status,
    "delay": Delay,
    "malformed": Malformed,
    "wrong-type": WrongType,
    "html-200": Html200,
    "drop-field": DropField,
    "duplicate": Duplicate,
    "stale": Stale,
    "trickle": Trickle,
    "kill": Kill,
    "pause": Pause,
    "stop": Stop,
    "restart": Restart,
    "crash-loop": CrashLoop,
    "cpu": Cpu,
    "memory": Memory,
    "full-disk": FullDisk,
    "descriptors": Descriptors,
    "no-op": NoOp,
}

GROUP = "harness.faults"
"""Entry points by which third parties add theirs: the word = the class."""


def fault_table(offered: Iterable[EntryPoint] | None = None) -> dict[str, type[FaultSpec]]:
    """`FAULTS` and those of installed packages.

    Args:
        offered: entry points to read instead of the installed ones.

    Raises:
        HarnessError: when an entry point can't be loaded, is no fault, or takes a word that is taken.
    """
    table = dict(FAULTS)
    for each in from_packages(GROUP, offered):
        found = each.what
        if not (isinstance(found, type) and issubclass(found, (EdgeFault, InstanceFault))):
            raise HarnessError(f"{each.where}: expected a subclass of EdgeFault or InstanceFault, found {found!r}")
        if each.name in table or found.kind != each.name:
            raise HarnessError(f"{each.where}: expected a word of its own that is its kind, found kind {found.kind!r}")
        table[each.name] = found
    return table
