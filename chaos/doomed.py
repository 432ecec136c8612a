"""A harness that is killed at a moment that was drawn, and what is left of its run."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.clock import SystemClock, pause
from harness.errors import JournalError
from harness.model.events import (
    ExperimentEnded,
    ExperimentStarted,
    InjectionArmed,
    InjectionHealed,
    PhaseEnded,
    RunEnded,
    WindowEnded,
)
from harness.model.observation import WindowKind
from harness.observe.journal import JOURNAL, read_journal
from harness.runtime import leftovers, procfs
from harness.runtime.sockets import Phase, Row, read_rows
from harness.runtime.sockets import held_by as inodes_of

ROOT = Path(__file__).resolve().parents[1]
REACHED_WITHIN_S = 90.0
GONE_WITHIN_S = 10.0
"""For the watchdog, on a machine that may be busy; on an idle one it takes some tenths of a second."""
LOOK_S = 0.002
LOOK_AGAIN_S = 0.02
SHOWN_CHARACTERS = 1000

WITHIN_S = {
    "start": 3.0,
    "baseline": 2.0,
    "steady": 0.6,
    "arming": 0.06,
    "under fault": 1.2,
    "healing": 0.06,
    "recovery": 0.6,
    "rest": 0.1,
    "stopping": 0.8,
    "reports": 0.3,
}
"""Phase → in how much time from its beginning the kill falls; it may fall into the next one, which is told."""

FAULTS = (
    "{edge: front->back, fault: latency, delay: 100ms, for: 1500ms}",
    "{edge: front->back, fault: half-open, for: 1500ms}",
    "{edge: front->back, fault: flapping, period: 400ms, for: 1500ms}",
    "{edge: front->back, fault: status, status: 503, for: 1500ms}",
    "{instance: back-1, fault: pause, for: 1500ms}",
    "{instance: back-1, fault: kill, for: 1500ms}",
    "{instance: back-1, fault: crash-loop, away: 300ms, for: 1500ms}",
    "{instance: back-1, fault: cpu, for: 1500ms}",
    "{instance: back-1, fault: memory, for: 1500ms}",
    "{instance: back-1, fault: full-disk, for: 1500ms}",
    "{instance: back-1, fault: descriptors, for: 1500ms}",
)

SYSTEM = """\
system: tiny
entry: front
runtime: RUNTIME
services:
  front:
    owner: web
    run: {command: [PYTHON, -S, WHERE/app.py, "{port}"]}
    instances: [{PORT8001}]
    env: {BACK: BACK_URL}
  back:
    owner: goods
    run: {command: [PYTHON, -S, WHERE/app.py, "{port}"]}
    instances: [{PORT8002}]
edges: [{from: front, to: back, need: soft, deadline: 300ms}]
content: {load: journeys.yaml}
journeys: {look: {deadline: 1s, usable_without: [back]}}
"""
APP = """\
import http.client, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BACK = os.environ.get("BACK", "")

class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"ok"
        if BACK and self.path == "/":
            try:
                connection = http.client.HTTPConnection(BACK.partition("//")[2], timeout=0.3)
                connection.request("GET", "/thing")
                body = connection.getresponse().read()
                connection.close()
            except (OSError, http.client.HTTPException):
                body = b"less"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(sys.argv[1])), App).serve_forever()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doom:
    """When one harness is killed, and what it is doing then."""

    number: int
    phase: str
    after_s: float
    """From the phase's beginning."""
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """What came of it."""

    doom: Doom
    fell: str
    """The phase in which it fell, by what the run had written down."""
    held: dict[str, int]
    """What there was when it fell: processes, of them stopped ones, and listeners."""
    left: tuple[str, ...]
    """What was there afterwards and must not be; nothing when all is well."""
    gone_after_s: float


def dooms(seed: int, *, phases: tuple[str, ...] = tuple(WITHIN_S)) -> Iterator[Doom]:
    """One after another through all phases and faults, which meet all in 110; the seed draws the moments."""
    number = 0
    while True:
        chance = random.Random(f"{seed}:{number}")  # noqa: S311 -- chaos, not secrets
        phase = phases[number % len(phases)]
        after_s = round(chance.uniform(0.0, WITHIN_S[phase]), 4)
        yield Doom(number=number + 1, phase=phase, after_s=after_s, fault=FAULTS[number % len(FAULTS)])
        number += 1


def lay_out(root: Path, fault: str, *, runtime: str = "process") -> None:
    """A system of two services with one journey and one experiment."""
    fixed = runtime != "process"
    text = SYSTEM.replace("RUNTIME", runtime).replace("PYTHON", json.dumps(sys.executable)).replace("WHERE", str(root))
    text = text.replace("BACK_URL", "http://back:8002" if fixed else '"{edge.back.url}"')
    for port in (8001, 8002):
        text = text.replace(f"PORT{port}", f"port: {port}" if fixed else "")
    experiment = (
        f"experiment: doomed\nhypothesis: Whoever looks does not miss what is behind.\n"
        f"load: {{rate: 20}}\ninjections:\n  - {fault}\nexpect: {{look: may-fail}}\nrecover_within: 2s\n"
    )
    for name, content in {
        "system.yaml": text,
        "app.py": APP,
        "journeys.yaml": "journeys: {look: {deadline: 1s, steps: [GET /]}}\n",
        "chaos/experiments/doomed.yaml": experiment,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    (root / "tmp").mkdir()


def begin(root: Path) -> subprocess.Popen[bytes]:
    """Run the experiment of a system that is laid out there, in a hurry."""
    with (root / "output.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "chaos.hasty", "chaos", "run", "doomed", "--directory", "run", "--seed", "1"],
            cwd=root,
            stdout=output,
            stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(root / "tmp"), "HARNESS_NO_UV": "1"},
            start_new_session=True,
        )


def until_begun(phase: str, root: Path, harness: subprocess.Popen[bytes]) -> None:
    """Come back when a phase begins; raises RuntimeError when it never does."""
    clock = SystemClock()
    limit = clock.now() + REACHED_WITHIN_S
    while not _begun(phase, root / "run"):
        if harness.poll() is not None:
            told = (root / "output.log").read_text(encoding="utf-8", errors="replace")[-SHOWN_CHARACTERS:]
            message = f"the run ended ({harness.returncode}) before {phase} began:\n{told}"
            raise RuntimeError(message)
        if clock.now() > limit:
            message = f"{phase} did not begin within {REACHED_WITHIN_S:g} s"
            raise RuntimeError(message)
        pause(LOOK_S)


def meet(doom: Doom, root: Path, *, runtime: str = "process") -> Death:
    """Start a run, kill its harness when it is due, and look what is left; the directory is the caller's to remove."""
    lay_out(root, doom.fault, runtime=runtime)
    clock = SystemClock()
    harness = begin(root)
    try:
        until_begun(doom.phase, root, harness)
        pause(doom.after_s)
        harness.send_signal(signal.SIGSTOP)  # so that it gets no further while is looked at what it has
        before = held_by(harness.pid)
    finally:
        harness.kill()
        harness.wait()
    began = clock.now()
    fell = _fell(root / "run")
    left = left_of(root, before)
    while left and clock.now() < began + GONE_WITHIN_S:
        pause(LOOK_AGAIN_S)
        left = left_of(root, before)
    gone_after_s = clock.now() - began
    return Death(doom=doom, fell=fell, held=before.told(), left=left, gone_after_s=round(gone_after_s, 3))


def _begun(phase: str, run: Path) -> bool:
    if phase == "start":
        return True
    if phase in {"arming", "under fault", "healing"}:
        return {"arming": "arm", "under fault": "armed", "healing": "heal"}[phase] in _steps(run)
    return phase in _phases(run)


def _steps(run: Path) -> list[str]:
    """The steps of the injector's record."""
    try:
        lines = (run / "in-force.ndjson").read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(str(json.loads(line)["step"]))
        except (ValueError, KeyError):
            continue
    return found


def _phases(run: Path) -> list[str]:
    """The phases that have begun, by the journal."""
    try:
        events = read_journal(run / JOURNAL).events
    except (JournalError, OSError):
        return []
    found = ["start"]
    for event in events:
        match event:
            case PhaseEnded(name="start"):
                found.append("baseline")
            case ExperimentStarted():
                found.append("steady")
            case InjectionArmed():
                found.append("under fault")
            case InjectionHealed():
                found.append("recovery")
            case WindowEnded(window=window) if window.kind is WindowKind.RECOVERY:
                found.append("rest")
            case ExperimentEnded():
                found.append("stopping")
            case RunEnded():
                found.append("reports")
            case _:
                continue
    return found


def _fell(run: Path) -> str:
    """Where it was, by what it had written down."""
    last = {"arm": "arming", "armed": "under fault", "heal": "healing", "healed": "recovery"}
    phases, steps = _phases(run), _steps(run)
    if phases and phases[-1] in {"rest", "stopping", "reports"}:
        return phases[-1]
    return last[steps[-1]] if steps else (phases or ["start"])[-1]


@dataclass(frozen=True, slots=True)
class Held:
    """What a run had just before it lost its harness."""

    processes: dict[int, int]
    """Pid → start."""
    stopped: int
    listening: frozenset[int]
    """The inodes of sockets: a port may be another run's a moment later."""
    networks: frozenset[int]
    """Network namespaces that are not ours."""

    def told(self) -> dict[str, int]:
        """In figures."""
        return {
            "processes": len(self.processes),
            "stopped": self.stopped,
            "listeners": len(self.listening),
            "networks": len(self.networks),
        }


NOTHING_HELD = Held({}, 0, frozenset(), frozenset())


def held_by(harness: int) -> Held:
    """What descends from a harness."""
    pids = procfs.descendants(harness)
    own = _network("self")
    networks = {_network(pid) for pid in pids} - {own, 0}
    sockets = inodes_of(pids)
    return Held(
        processes={pid: since for pid in pids if (since := procfs.started(pid)) is not None},
        stopped=sum(procfs.stands_still(pid) for pid in pids),
        listening=frozenset(each.inode for each in _listening() if each.inode in sockets),
        networks=frozenset(networks),
    )


def _listening() -> list[Row]:
    return [row for row in read_rows("self", over=False) if row.state == Phase.LISTENING]


def _network(pid: int | str) -> int:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return 0


def left_of(root: Path, before: Held) -> tuple[str, ...]:
    """What of a run is still there."""
    found = [f"process {pid}" for pid, since in before.processes.items() if procfs.started(pid) == since]
    found += [f"process {pid} {what}" for pid, what in _about(root)]
    found += [f"listener on port {each.here.port}" for each in _listening() if each.inode in before.listening]
    if before.networks:
        there = {_network(pid) for pid in procfs.pids()}
        found += [f"network namespace {each}" for each in sorted(before.networks & there)]
    for name in ("data", leftovers.RECORD):
        if (root / "run" / name).exists():
            found.append(f"run/{name}")
    found += [f"tmp/{each.name}" for each in (root / "tmp").iterdir()]
    return tuple(found)


def _about(root: Path) -> Iterator[tuple[int, str]]:
    """The processes that name a directory, or have their temporary files there."""
    here = str(root)
    for process in psutil.process_iter():
        try:
            words, carries = process.cmdline(), process.environ().get("TMPDIR", "").startswith(here)
            if process.pid != os.getpid() and (carries or any(here in part for part in (process.cwd(), *words))):
                yield process.pid, " ".join(words)[:SHOWN_CHARACTERS]
        except psutil.Error:  # it has ended, or is another user's
            continue


def remove(root: Path) -> None:
    """Put away the directory of one that is dead."""
    shutil.rmtree(root, ignore_errors=True)


def end_leftovers(root: Path) -> None:
    """End what outlived a harness, so that it disturbs nobody: it was told."""
    for pid, _what in _about(root):
        leftovers.kill(pid, signal.SIGKILL)
