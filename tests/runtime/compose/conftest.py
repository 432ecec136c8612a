from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.proxy.provision import cache_directory, find_toxiproxy
from tests.runtime.docker.conftest import engine

__all__ = ["engine"]


@pytest.fixture(scope="session")
def toxiproxy() -> Path:
    return find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=print).path
