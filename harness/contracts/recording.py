"""Carries what consumer tests agreed on from a pytest session into the pact files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness.contracts.consumer import Consumer
from harness.contracts.pact_merge import merge
from harness.errors import HarnessError

_FRAGMENTS = "HARNESS_PACT_FRAGMENTS"
"""Tells the workers of pytest-xdist where to write; they inherit it from the session that starts them."""
_WORKER = "PYTEST_XDIST_WORKER"


class PactRecording:
    """A pytest plugin to register in the `conftest.py` beside the consumers' tests.

    Each worker writes to a directory of its own; at the end of the session they are merged into `pacts`.
    An interaction that no test makes any more is dropped only when all the consumers' tests ran and passed.
    """

    def __init__(self, *, consumers: Path, pacts: Path) -> None:
        self._consumers = consumers
        self._pacts = pacts
        self._worker = os.environ.get(_WORKER, "")
        if not self._worker:
            os.environ[_FRAGMENTS] = tempfile.mkdtemp(prefix="pact-fragments-")
        self._root = Path(os.environ[_FRAGMENTS])
        self._whole = False
        self._deselected = False
        self._ours: set[str] = set()
        self._changed: tuple[Path, ...] = ()
        self._trouble = ""

    def consumer(self, consumer: str, provider: str) -> Consumer:
        """What one test agrees on; `with` it."""
        return Consumer(consumer, provider, fragments=self._root / (self._worker or "main"))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """See whether all the consumers' tests are about to run."""
        self._ours = {item.nodeid for item in session.items if item.path.is_relative_to(self._consumers)}
        collected = {item.path for item in session.items}
        narrowed = any("::" in argument for argument in session.config.args)
        self._whole = not (narrowed or self._deselected) and set(self._consumers.glob("test_*.py")) <= collected

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A test that was deselected may be one whose interaction would be missed."""
        self._deselected = self._deselected or any(item.path.is_relative_to(self._consumers) for item in items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Neither may one that was skipped or that failed."""
        self._whole = self._whole and (report.passed or report.nodeid not in self._ours)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Merge, unless this is a worker."""
        if self._worker:
            return
        try:
            sources = sorted(path for path in self._root.iterdir() if path.is_dir())
            self._changed = merge(sources, self._pacts, replace=self._whole)
        except HarnessError as error:
            self._trouble = str(error)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        finally:
            shutil.rmtree(self._root, ignore_errors=True)
            os.environ.pop(_FRAGMENTS, None)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was written, or why not."""
        for file in self._changed:
            terminalreporter.write_line(f"pact written: {file}")
        if self._trouble:
            terminalreporter.write_line(f"pacts not written: {self._trouble}", red=True)
