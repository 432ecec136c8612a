"""oasdiff, found or built once, and a small system with one provider and two consumers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.contracts.breaking.oasdiff import find_oasdiff
from harness.proxy.provision import cache_directory
from tests.contracts.breaking.shop import BASE, EVENT, SYSTEM, pacts, write


@pytest.fixture(scope="session")
def oasdiff() -> Path:
    return find_oasdiff(environ=os.environ, cache=cache_directory(os.environ), say=print).path


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    write(tmp_path / "contracts" / "openapi" / "payments.json", BASE)
    write(tmp_path / "contracts" / "events" / "PaymentReceived.json", EVENT)
    for name, each in pacts().items():
        write(tmp_path / "contracts" / "pacts" / f"{name}.json", each)
    return tmp_path
