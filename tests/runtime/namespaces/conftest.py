from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.proxy.provision import cache_directory, find_toxiproxy
from harness.runtime.namespaces.probe import lacking

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


@pytest.fixture(scope="session")
def namespaces() -> None:
    """The kernel makes namespaces; where it does not CI fails, and others are told what they skip."""
    why = lacking()
    if why and IN_CI:
        pytest.fail(f"CI must make namespaces: {why}")
    if why:
        pytest.skip(why)


@pytest.fixture(scope="session")
def toxiproxy() -> Path:
    return find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=print).path
