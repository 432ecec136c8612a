"""Reports: each a pure rendering of a run's events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from harness.model.events import CapacityMeasured, Event, MatrixCellEnded
from harness.model.run_history import RunHistory
from harness.report import allure, capacity_json, html, junit, markdown, matrix_json, run_json

Report = Callable[[Sequence[Event], Path], Path]
"""Writes into the run's directory and returns what it wrote."""

REPORTS: Mapping[str, Report] = MappingProxyType(
    {
        "html": html.write,
        "junit": junit.write,
        "allure": allure.write,
        "markdown": markdown.write,
    }
)
"""Every report by its name; `allure` attaches the page that `html` wrote before it."""

FORMATS: Mapping[str, Report] = MappingProxyType({**REPORTS, "json": run_json.write})
"""What can be asked for by name; a run writes those of `REPORTS`."""


def write_reports(events: Sequence[Event], directory: Path, earlier: RunHistory | None = None) -> list[Path]:
    """Write every report into the run's directory, and `matrix.json` or `capacity.json` when there is something for it.

    `earlier` has the system's runs till this one, which the page tells too.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    return write_some(events, directory, tuple(REPORTS), earlier)


def write_some(
    events: Sequence[Event], directory: Path, names: Sequence[str], earlier: RunHistory | None = None
) -> list[Path]:
    """Write those of `FORMATS` into the directory; with all usual ones also `matrix.json` or `capacity.json`.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    written = [
        html.write(events, directory, earlier) if name == "html" else FORMATS[name](events, directory) for name in names
    ]
    if not set(REPORTS) <= set(names):
        return written
    if any(isinstance(event, MatrixCellEnded) for event in events):
        written.append(matrix_json.write(events, directory))
    if any(isinstance(event, CapacityMeasured) for event in events):
        written.append(capacity_json.write(events, directory))
    return written
