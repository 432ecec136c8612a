from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness.contracts.pacts import read_pact
from harness.contracts.recording import PactRecording
from tests.contracts.fakes import a_pact, a_request, write_pact

CONFTEST = """
from pathlib import Path
import pytest
from harness.contracts.recording import PactRecording

def pytest_configure(config):
    here = Path(__file__).parent
    config.pluginmanager.register(PactRecording(consumers=here / "consumers", pacts=here / "pacts"), "recording")

@pytest.fixture
def recording(pytestconfig):
    return pytestconfig.pluginmanager.get_plugin("recording")
"""
CONSUMER = """
import os, urllib.request

def agree(recording, description, path):
    with recording.consumer("gateway", "catalog") as catalog:
        catalog.upon_receiving(description).with_request("GET", path).will_respond_with(200)
        with catalog.serve() as url:
            urllib.request.urlopen(url + path, timeout=5).close()

def test_one(recording):
    agree(recording, "one", "/one")

def test_two(recording):
    agree(recording, "two", os.environ.get("SECOND_PATH", "/two"))

def test_same(recording):
    agree(recording, os.environ.get("SAME_AS", "three"), "/three")
"""
OWN_SETTINGS = ["-p", "no:cacheprovider", "-q", "--rootdir=."]
pytestmark = pytest.mark.loopback


class Suite:
    """A directory of consumers' tests that is run by a pytest of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pact = root / "pacts" / "gateway-catalog.json"
        (root / "consumers").mkdir()
        (root / "conftest.py").write_text(CONFTEST)
        (root / "consumers" / "test_gateway_catalog.py").write_text(CONSUMER)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", *OWN_SETTINGS, *arguments]
        env = (
            os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment
        )
        env.pop("PYTEST_XDIST_WORKER", None)
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, timeout=60, check=False)

    @property
    def agreed(self) -> list[str]:
        return [each.description for each in read_pact(self.pact).interactions]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


def test_what_passed_is_written_and_the_second_time_leaves_no_difference(suite: Suite) -> None:
    first = suite.run()
    written = suite.pact.read_bytes()
    second = suite.run()

    assert (first.returncode, second.returncode) == (0, 0), first.stdout + second.stdout
    assert f"pact written: {suite.pact}" in first.stdout
    assert "pact written" not in second.stdout
    assert suite.pact.read_bytes() == written
    assert suite.agreed == ["one", "three", "two"]


def test_an_interaction_that_no_test_makes_any_more_goes_only_when_all_ran(suite: Suite) -> None:
    suite.run()
    narrowed = suite.run("-k", "same", SAME_AS="four")
    after_narrowed = suite.agreed
    whole = suite.run(SAME_AS="four")

    assert (narrowed.returncode, whole.returncode) == (0, 0), narrowed.stdout + whole.stdout
    assert after_narrowed == ["four", "one", "three", "two"]
    assert suite.agreed == ["four", "one", "two"]


def test_a_test_that_was_skipped_keeps_what_it_agreed_on_before_and_one_elsewhere_does_not_matter(suite: Suite) -> None:
    (suite.root / "test_elsewhere.py").write_text("import pytest\n\ndef test_x():\n    pytest.skip('elsewhere')\n")
    suite.run()
    suite.run(SAME_AS="four")
    after_elsewhere = suite.agreed
    consumers = suite.root / "consumers" / "test_gateway_catalog.py"
    consumers.write_text(CONSUMER.replace("def test_two", "import pytest\n@pytest.mark.skip\ndef test_two"))
    suite.run(SAME_AS="four")

    assert after_elsewhere == ["four", "one", "two"]
    assert suite.agreed == ["four", "one", "two"]


def test_a_failed_exchange_is_not_written(suite: Suite) -> None:
    (suite.root / "consumers" / "test_gateway_catalog.py").write_text(CONSUMER.replace("url + path", 'url + "/one"'))

    ended = suite.run()

    assert ended.returncode == 1
    assert suite.agreed == ["one"]


def test_two_tests_that_tell_different_things_fail_the_session(suite: Suite) -> None:
    ended = suite.run(SAME_AS="one")

    assert ended.returncode == 1
    assert "two tests tell different things of 'one'" in ended.stdout


def test_workers_that_tell_different_things_fail_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_PACT_FRAGMENTS", raising=False)
    recording = PactRecording(consumers=tmp_path, pacts=tmp_path / "pacts")
    fragments = Path(os.environ["HARNESS_PACT_FRAGMENTS"])
    write_pact(fragments / "gw0", a_pact(a_request("a")))
    write_pact(fragments / "gw1", a_pact(a_request("a", request={"method": "GET", "path": "/other"})))
    session = SimpleNamespace(exitstatus=0)

    recording.pytest_sessionfinish(cast("pytest.Session", session))

    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED
    assert not (tmp_path / "pacts").exists()
    assert not fragments.exists()
