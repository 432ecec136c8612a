"""Providers and spawners that leave nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from tests.contracts.fakes import LocalSpawner, Provider, Respond


@pytest.fixture(autouse=True)
def own_path_and_no_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of states put their directory on the path, and Pact would tell its makers of each verification."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PACT_DO_NOT_TRACK", "true")


@pytest.fixture
def serve() -> Iterator[Callable[[Respond], Provider]]:
    providers: list[Provider] = []

    def start(respond: Respond) -> Provider:
        providers.append(Provider(respond))
        return providers[-1]

    yield start
    for provider in providers:
        provider.close()


@pytest.fixture
def spawner() -> Iterator[LocalSpawner]:
    spawner = LocalSpawner()
    yield spawner
    assert [process.pid for process in spawner.started if process.returncode is None] == []
