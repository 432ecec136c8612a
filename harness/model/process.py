"""Processes as the upper parts of the harness ask for them; `harness.runtime` has the supervisor that grants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A program to run as a child of the supervisor, in a process group of its own."""

    name: str
    """What it is called in messages and in the name of its log."""
    command: tuple[str, ...]
    log: str
    """File that its standard output and error are appended to."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment; nothing is inherited beyond it."""
    cwd: str | None = None
    user: str | None = None
    """Run as this user (only when the harness runs as root)."""


class Process(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        ...

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        ...

    async def wait(self) -> int:
        """Wait for its end and give its return code."""
        ...

    async def signal(self, number: int) -> None:
        """Send a signal to its whole group; nothing happens when it is gone."""
        ...

    async def stop(self, grace_s: float = 5.0) -> int:
        """SIGTERM, then SIGKILL after the grace; gives the return code."""
        ...


class Spawner(Protocol):
    """Whoever starts processes such that none outlives the harness."""

    async def spawn(self, spec: ProcessSpec) -> Process:
        """Start a process; raises DeployError when the program can't be started."""
        ...
