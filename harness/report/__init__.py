"""Reports: each a pure rendering of a run's events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from harness.model.events import Event
from harness.report import allure, html, junit, markdown

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


def write_reports(events: Sequence[Event], directory: Path) -> list[Path]:
    """Write every report into the run's directory.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    return [write(events, directory) for write in REPORTS.values()]
