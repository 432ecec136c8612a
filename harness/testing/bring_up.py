"""Bringing a system up for synchronous tests, and taking it down."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.declare import find_description
from harness.engine.session import Session, Settings
from harness.model.events import RunEnded
from harness.model.marks import RUN
from harness.model.verdict import Verdict
from harness.testing.background import Background
from harness.testing.system import SystemUnderTest

_LOG = logging.getLogger("harness.testing")


@contextmanager
def brought_up(description: Path | None, *, root: Path, seed: int | None = None) -> Iterator[SystemUnderTest]:
    """A system, up while the body runs; what comes of it is in its run's directory.

    Args:
        description: its `system.yaml`; the one below `root` when left out.
        root: where to look for it.
        seed: of all chance in the run; drawn, and written into the journal, when left out.

    Raises:
        HarnessError: if the description is wrong, or the system can't be brought up; then nothing of it is left.
    """
    background = Background()
    try:
        opening = Session.open(description or find_description(root), settings=Settings(seed=seed), say=_LOG.info)
        session = background.run(opening)
        RUN.set(session.run)  # the context of this thread is that of all it asks the background for
        try:
            yield SystemUnderTest(session, background)
        finally:
            background.run(_end(session))
    finally:
        background.close()


async def _end(session: Session) -> None:
    """Take the system down; the journal's own verdict is UNKNOWN, since what held is for the tests to say."""
    await session.stop()
    reason = "a session of tests: they say what held, this journal says what was done"
    code = Verdict.UNKNOWN.exit_code
    session.recorder.record(RunEnded(t=session.now(), verdict=Verdict.UNKNOWN, reason=reason, exit_code=code))
    session.recorder.close()
