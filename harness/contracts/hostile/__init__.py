"""Hostile requests of our own: made from honest ones, by a dictionary; nothing here asks anybody."""

from harness.contracts.hostile.operations import Operation, operations_of
from harness.contracts.hostile.trials import Identity, trials_of

__all__ = ["Identity", "Operation", "operations_of", "trials_of"]
