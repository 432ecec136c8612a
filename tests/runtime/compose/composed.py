"""A compose project brought up, in this process or in one that is killed."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.clock import SystemClock
from harness.declare import load_system
from harness.model.events import Event
from harness.model.observation import CrossingSecond
from harness.proxy.provision import cache_directory, find_toxiproxy
from harness.runtime.compose.deployment import ComposeDeployment, deploy
from harness.runtime.supervisor_client import Supervisor

CLOCK = SystemClock()
PROJECT = Path(__file__).with_name("project")


@dataclass
class Heard:
    """What was told."""

    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)

    def crossed(self, line: str) -> int:
        """How many requests were counted on a line."""
        rows: list[CrossingSecond] = [row for each in self.events for row in getattr(each, "crossings", ())]
        return sum(row.requests for row in rows if row.line == line)


def a_project(directory: Path) -> Path:
    """A copy of the project; gives its description."""
    shutil.copytree(PROJECT, directory / "project")
    return directory / "project" / "system.yaml"


@asynccontextmanager
async def composed(description: Path, directory: Path, heard: Heard) -> AsyncIterator[ComposeDeployment]:
    """The project, up while the body runs."""
    (directory / "logs").mkdir(parents=True)
    supervisor = await Supervisor.start(directory)
    try:
        deployment = await deploy(
            load_system(description),
            directory=directory,
            supervisor=supervisor,
            toxiproxy=find_toxiproxy(
                environ=os.environ, cache=cache_directory(os.environ), say=heard.lines.append
            ).path,
            clock=CLOCK,
            run_began=CLOCK.now(),
            progress=heard.lines.append,
            on_event=heard.events.append,
        )
        try:
            yield deployment
        finally:
            await deployment.stop()
    finally:
        await supervisor.close()


def ask(url: str) -> tuple[int, str]:
    """The status and the body of an answer; 0 and the reason when there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 -- one of our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)
