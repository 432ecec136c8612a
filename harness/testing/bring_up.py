"""Bringing a system up for synchronous tests, and taking it down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.declare import find_description
from harness.engine.session import Session, Settings
from harness.model.events import RunEnded
from harness.model.marks import RUN
from harness.model.verdict import Verdict
from harness.report import write_reports
from harness.testing.background import Background
from harness.testing.system import RunTold, SystemUnderTest

_LOG = logging.getLogger("harness.testing")


@contextmanager
def brought_up(
    description: Path | None,
    *,
    root: Path,
    seed: int | None = None,
    directory: Path | None = None,
    failed: Callable[[], bool] = lambda: False,
) -> Iterator[SystemUnderTest]:
    """A system, up while the body runs; what comes of it is in its run's directory.

    Args:
        description: its `system.yaml`; the one below `root` when left out.
        root: where to look for it.
        seed: of all chance in the run; drawn, and written into the journal, when left out.
        directory: where the run's files go; named after the run when left out.
        failed: asked at the end; the reports are written, too, when something did.

    Raises:
        HarnessError: if the description is wrong, or the system can't be brought up; then nothing of it is left.
    """
    background = Background()
    try:
        settings = Settings(seed=seed, directory=directory)
        opening = Session.open(description or find_description(root), settings=settings, say=_LOG.info)
        session = background.run(opening)
        RUN.set(session.run)  # the context of this thread is that of all it asks the background for
        try:
            up = SystemUnderTest(session, background)
            up.run = RunTold(directory=str(session.directory), seed=session.seed)
            yield up
        finally:
            background.run(_end(session))
        if failed():
            write_reports(session.recorder.events, session.directory)
    finally:
        background.close()


async def _end(session: Session) -> None:
    """Take the system down; the journal's own verdict is UNKNOWN, since what held is for the tests to say."""
    await session.stop()
    reason = "a session of tests: they say what held, this journal says what was done"
    code = Verdict.UNKNOWN.exit_code
    session.recorder.record(RunEnded(t=session.now(), verdict=Verdict.UNKNOWN, reason=reason, exit_code=code))
    session.recorder.close()
