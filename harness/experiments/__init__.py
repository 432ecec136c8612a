"""Experiments written in Python: the same model as in YAML, read and checked by the same code."""

from harness.experiments.draft import Draft, Wanted, experiment, injection, parallel, sequence

__all__ = ["Draft", "Wanted", "experiment", "injection", "parallel", "sequence"]
