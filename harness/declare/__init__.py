"""YAML to model, with errors that carry file, line and column. Each part is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.declare.experiment import load_experiment, load_experiments
    from harness.declare.fuzzing import load_fuzz
    from harness.declare.invariants import load_invariants
    from harness.declare.system import find_description, load_system, with_tls

__all__ = [
    "find_description",
    "load_experiment",
    "load_experiments",
    "load_fuzz",
    "load_invariants",
    "load_system",
    "with_tls",
]

_PARTS = {
    "load_experiment": "experiment",
    "load_experiments": "experiment",
    "load_fuzz": "fuzzing",
    "load_invariants": "invariants",
    "find_description": "system",
    "load_system": "system",
    "with_tls": "system",
}


def __getattr__(name: str) -> object:
    """One of the functions, from its part."""
    if name not in _PARTS:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_PARTS[name]}"), name)
