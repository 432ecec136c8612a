"""Faults, one in a file, and the injector that arms and heals them."""

from harness.faults.edge_black_hole import BlackHole, black_hole
from harness.faults.edge_down import Down, down
from harness.faults.edge_latency import Latency, latency
from harness.faults.edge_no_op import NoOp, no_op
from harness.faults.edge_reset import Reset, reset
from harness.faults.edge_truncate import Truncate, truncate
from harness.faults.injector import Injector
from harness.faults.instance_kill import Kill, kill
from harness.faults.instance_pause import Pause, pause
from harness.faults.spec import EdgeFault, InstanceFault, Instances
from harness.faults.table import FAULTS, fault_table

__all__ = [
    "FAULTS",
    "BlackHole",
    "Down",
    "EdgeFault",
    "Injector",
    "InstanceFault",
    "Instances",
    "Kill",
    "Latency",
    "NoOp",
    "Pause",
    "Reset",
    "Truncate",
    "black_hole",
    "down",
    "fault_table",
    "kill",
    "latency",
    "no_op",
    "pause",
    "reset",
    "truncate",
]
