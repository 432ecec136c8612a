"""The package of docs/extending.md, installed as somebody would install it: its fault, its checker, its runtime."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.loopback]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"

TESTS = """
import os
import time
from urllib.request import urlopen

from acme_chaos.hesitation import Hesitation
from harness.checkers import judge
from harness.faults import fault_table
from harness.model.verdict import Verdict
from tests.checkers.histories import Each, history

def test_the_fault(system, edge):
    assert fault_table()["hesitation"] is Hesitation
    with edge("customers", "front").under(Hesitation(pause="200ms")) as armed:
        began = time.monotonic()
        urlopen(system.url(), timeout=5).close()
        assert time.monotonic() - began >= 0.199
    assert armed.in_force

def test_the_checker():
    for told, verdict in (Each(ok=10), Verdict.PASS), (Each(ok=9, unknown=1), Verdict.FAIL):
        [found] = [each for each in judge(history(fault={"browse": told})) if each.check == "left-in-doubt"]
        assert found.verdict is verdict

def test_the_runtime(system):
    deployment = system._stage.deployment
    mine, politest = os.getpriority(os.PRIO_PROCESS, 0), 19
    nice = {os.getpriority(os.PRIO_PROCESS, deployment.pid(each)) for each in deployment.instances}
    assert nice == {min(mine + politest, politest)}
"""


def install(to: Path) -> None:
    """What `pip install` would leave: the modules of the page, and its entry points."""
    page = PAGE.read_text(encoding="utf-8")
    modules = re.findall(r"^`(acme_chaos/\w+\.py)`:.*?^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert len(modules) == 3
    (to / "acme_chaos").mkdir()
    for name, code in modules:
        (to / name).write_text(code, encoding="utf-8")
    [declared] = re.findall(r"^```toml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    groups = tomllib.loads(declared)["project"]["entry-points"]
    lines = [
        line for group, each in groups.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in each.items()))
    ]
    told = to / "acme_chaos-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-chaos\nVersion: 1.0\n", encoding="utf-8")
    (told / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def bakery(to: Path) -> Path:
    """The small system of the examples, deployed by the package's runtime."""
    shutil.copytree(ROOT / "docs" / "examples" / "pytest", to, ignore=shutil.ignore_patterns("test_*", ".harness"))
    described = (to / "system.yaml").read_text(encoding="utf-8")
    (to / "system.yaml").write_text(described.replace("entry:", "deployed_by: polite\nentry:"), encoding="utf-8")
    (to / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (to / "test_it.py").write_text(TESTS, encoding="utf-8")
    return to


def pytest_run(directory: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "harness.pytest_plugin", "--tb=short"],
        cwd=directory,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ":".join(map(str, (*paths, ROOT)))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_each_of_them_does_its_work(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    installed.mkdir()
    install(installed)

    run = pytest_run(bakery(tmp_path / "bakery"), installed)

    assert "3 passed" in run.stdout, run.stdout + run.stderr


def test_a_runtime_that_is_not_installed_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    here = bakery(tmp_path / "bakery")
    (here / "test_it.py").write_text("def test_it(system):\n    pass\n", encoding="utf-8")

    run = pytest_run(here)

    assert "deployed_by: no runtime 'polite'; installed packages have none" in run.stdout
    assert not (here / ".harness").exists()
