"""Faults, one in a file, and the injector that arms and heals them."""

from harness.faults.edge_bandwidth import Bandwidth, bandwidth
from harness.faults.edge_black_hole import BlackHole, black_hole
from harness.faults.edge_down import Down, down
from harness.faults.edge_flapping import Flapping, flapping
from harness.faults.edge_half_open import HalfOpen, half_open
from harness.faults.edge_latency import Latency, latency
from harness.faults.edge_limit import Limit, limit
from harness.faults.edge_no_op import NoOp, no_op
from harness.faults.edge_one_way import OneWay, one_way
from harness.faults.edge_reset import Reset, reset
from harness.faults.edge_slice import Slice, slice_
from harness.faults.edge_slow_close import SlowClose, slow_close
from harness.faults.edge_truncate import Truncate, truncate
from harness.faults.exchange_delay import Delay, delay
from harness.faults.exchange_drop_field import DropField, drop_field
from harness.faults.exchange_duplicate import Duplicate, duplicate
from harness.faults.exchange_html_200 import Html200, html_200
from harness.faults.exchange_malformed import Malformed, malformed
from harness.faults.exchange_stale import Stale, stale
from harness.faults.exchange_status import Status, status
from harness.faults.exchange_trickle import Trickle, trickle
from harness.faults.exchange_wrong_type import WrongType, wrong_type
from harness.faults.injector import Injector
from harness.faults.instance_cpu import Cpu, cpu
from harness.faults.instance_crash_loop import CrashLoop, crash_loop
from harness.faults.instance_descriptors import Descriptors, descriptors
from harness.faults.instance_full_disk import FullDisk, full_disk
from harness.faults.instance_kill import Kill, kill
from harness.faults.instance_memory import Memory, memory
from harness.faults.instance_pause import Pause, pause
from harness.faults.instance_restart import Restart, restart
from harness.faults.instance_stop import Stop, stop
from harness.faults.spec import EdgeFault, ExchangeFault, ExchangeMatch, InstanceFault, Instances
from harness.faults.table import FAULTS, fault_table

__all__ = [
    "FAULTS",
    "Bandwidth",
    "BlackHole",
    "Cpu",
    "CrashLoop",
    "Delay",
    "Descriptors",
    "Down",
    "DropField",
    "Duplicate",
    "EdgeFault",
    "ExchangeFault",
    "ExchangeMatch",
    "Flapping",
    "FullDisk",
    "HalfOpen",
    "Html200",
    "Injector",
    "InstanceFault",
    "Instances",
    "Kill",
    "Latency",
    "Limit",
    "Malformed",
    "Memory",
    "NoOp",
    "OneWay",
    "Pause",
    "Reset",
    "Restart",
    "Slice",
    "SlowClose",
    "Stale",
    "Status",
    "Stop",
    "Trickle",
    "Truncate",
    "WrongType",
    "bandwidth",
    "black_hole",
    "cpu",
    "crash_loop",
    "delay",
    "descriptors",
    "down",
    "drop_field",
    "duplicate",
    "fault_table",
    "flapping",
    "full_disk",
    "half_open",
    "html_200",
    "kill",
    "latency",
    "limit",
    "malformed",
    "memory",
    "no_op",
    "one_way",
    "pause",
    "reset",
    "restart",
    "slice_",
    "slow_close",
    "stale",
    "status",
    "stop",
    "trickle",
    "truncate",
    "wrong_type",
]
