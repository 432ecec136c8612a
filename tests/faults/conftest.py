"""The Toxiproxy that is here, or is provisioned once; and the ports of each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.proxy.provision import cache_directory, find_toxiproxy
from tests.proxy.rigs import POOL


@pytest.fixture(scope="session")
def toxiproxy() -> Path:
    return find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=print).path


@pytest.fixture(autouse=True)
def _ports_are_let_go() -> Iterator[None]:
    yield
    POOL.close()
