"""The shop's consumers agree with their providers: their own clients are exercised, and what they rely on is kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.contracts.recording import PactRecording

HERE = Path(__file__).parent
SERVICES = HERE.parent / "targets" / "shop" / "services"
RECORDING = "pact-recording"


def pytest_configure(config: pytest.Config) -> None:
    sys.path.insert(0, str(SERVICES))
    config.pluginmanager.register(PactRecording(consumers=HERE / "consumers", pacts=HERE / "pacts"), RECORDING)


@pytest.fixture
def recording(pytestconfig: pytest.Config) -> PactRecording:
    """`with recording.consumer("gateway", "catalog") as catalog:` begins what one test agrees on."""
    found = pytestconfig.pluginmanager.get_plugin(RECORDING)
    assert isinstance(found, PactRecording)
    return found
