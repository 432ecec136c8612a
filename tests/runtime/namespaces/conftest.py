from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.proxy.provision import cache_directory, find_toxiproxy
from harness.runtime.namespaces.probe import lacking
from tests.needs import missing


@pytest.fixture(scope="session")
def namespaces() -> None:
    """The kernel makes namespaces; where it does not CI fails, and others are told what they skip."""
    if why := lacking():
        missing(why)


@pytest.fixture(scope="session")
def toxiproxy() -> Path:
    return find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=print).path
