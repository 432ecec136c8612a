"""Copies of the shop to run, to break and to kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import yaml

from harness.clock import SystemClock, pause
from harness.model.events import Event, FindingMade
from harness.model.finding import Finding
from harness.observe.journal import JOURNAL, read_journal
from tests.targets.partial import cut

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ("targets", "chaos", "contracts", "loadtests")
RUN_LIMIT_S = 1200
SMALL = (
    "gateway", "users", "catalog", "pricing", "inventory", "reviews", "recommendations", "orders", "payments",
    "shipping", "fraud",
)  # fmt: skip
SMALL_EXPERIMENTS = ("recommendations-gone", "payments-black-hole", "payments-killed")
COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")
HASTY = (sys.executable, "-m", "chaos.hasty")
"""As `COMMAND`, in a copy of the shop: to what a run breaks, without what takes the time to be sure."""


def copied(to: Path) -> Path:
    """The shop with its contracts, experiments and journeys, in a directory of its own."""
    for folder in CONTENT:
        shutil.copytree(ROOT / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return to


def small(to: Path) -> Path:
    """As `copied`, but only what browsing and checking out need, each once: up in seconds, and light on two cores."""
    root = copied(to)
    description = root / "targets" / "shop" / "system.yaml"
    part = cut(yaml.safe_load(description.read_text(encoding="utf-8")), SMALL)
    part["journeys"] = {name: part["journeys"][name] for name in ("browse", "checkout")}
    for name in ("gateway", "pricing"):
        del part["services"][name]["instances"]
    part["services"]["catalog"]["instances"].pop()
    description.write_text(yaml.safe_dump(part, sort_keys=False), encoding="utf-8")
    keep = yaml.safe_load((root / "chaos" / "invariants.yaml").read_text(encoding="utf-8"))
    keep["reads"] = {name: read for name, read in keep["reads"].items() if read["service"] in SMALL}
    keep["invariants"] = [each for each in keep["invariants"] if each["service"] in SMALL]
    (root / "chaos" / "invariants.yaml").write_text(yaml.safe_dump(keep, sort_keys=False), encoding="utf-8")
    for file in (root / "contracts" / "pacts").glob("*.json"):
        if not {*file.stem.split("-")} <= {*SMALL}:
            file.unlink()
    for file in (root / "chaos" / "experiments").glob("*.yaml"):
        if file.stem not in SMALL_EXPERIMENTS:
            file.unlink()
    return root


def changed(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in the file exactly once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def harness(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=root, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False
    )


def started(root: Path, *arguments: str, command: tuple[str, ...] = COMMAND) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own; its output goes to `output.log`."""
    with (root / "output.log").open("wb") as output:
        return subprocess.Popen(
            [*command, *arguments], cwd=root, stdout=output, stderr=output, env=dict(os.environ), start_new_session=True
        )


def journal(directory: Path) -> tuple[Event, ...]:
    """What a run has written down so far."""
    return read_journal(directory / JOURNAL).events if (directory / JOURNAL).exists() else ()


def findings(events: Iterable[Event]) -> list[Finding]:
    """The findings among events."""
    return [event.finding for event in events if isinstance(event, FindingMade)]


def until(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Look until it is so; fails the test when it isn't in time."""
    clock = SystemClock()
    limit = clock.now() + within_s
    while not condition():
        assert clock.now() < limit, f"not within {within_s} s: {what}"
        pause(0.05)


def left_behind(root: Path) -> list[str]:
    """Processes that work below a directory or name it."""
    found = []
    for process in psutil.process_iter():
        try:
            traces = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(root) in trace for trace in traces):
            found.append(f"{process.pid} {' '.join(traces)[:200]}")
    return found
