"""YAML to model, with errors that carry file, line and column."""

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
