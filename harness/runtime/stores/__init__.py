"""The stores that the harness runs by itself, by their kind."""

from harness.runtime.stores.binaries import Binary
from harness.runtime.stores.driver import NodePorts, StoreDriver, StorePlan
from harness.runtime.stores.table import STORES, locate

__all__ = ["STORES", "Binary", "NodePorts", "StoreDriver", "StorePlan", "locate"]
