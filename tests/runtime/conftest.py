from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness.runtime import probing
from harness.runtime.leftovers import remove_directory
from harness.runtime.supervisor_client import Supervisor


@pytest.fixture
def swept(tmp_path: Path) -> Iterator[None]:
    """No shared memory is left of the PostgreSQL servers that a test has started and killed."""
    yield
    remove_directory(str(tmp_path))


@pytest.fixture
async def supervisor(tmp_path: Path, swept: None) -> AsyncIterator[Supervisor]:
    del swept
    supervisor = await Supervisor.start(tmp_path / "runs" / "this")
    yield supervisor
    await supervisor.close()


@pytest.fixture(autouse=True)
def short_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is paused is asked several times: don't wait a second each time."""
    monkeypatch.setattr(probing, "PROBE_DEADLINE_S", 0.5)
