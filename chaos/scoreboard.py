"""Runs a command on a part of the shop, with and without a mistake in it, and tells what was found."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import TextIO

from chaos.part import part_of
from harness.clock import SystemClock
from harness.errors import JournalError
from harness.model.events import FindingMade
from harness.model.finding import Finding
from harness.model.verdict import Verdict
from harness.observe.journal import JOURNAL, read_journal

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-c", "from harness.cli import main; main()")
GOES_WITHIN_S = 60.0
"""For a command that was told to end: it heals and takes everything down."""
SHOWN = 3
VARIABLE = "SHOP_DEFECTS"
"""In the environment of a service: the mistakes that it has."""


@dataclass(frozen=True, slots=True)
class Line:
    """One defect, and who should notice."""

    defect: str
    services: tuple[str, ...]
    """Those that have it."""
    part: tuple[str, ...]
    """The services that are needed; the first is the entry."""
    command: tuple[str, ...]
    expected: tuple[str, ...]
    """Checks of which each would do."""
    edges: tuple[str, ...]
    """Each of them would be the right one to name; none when the mistake is a service's own."""
    owner: str
    awaits: str = ""
    """What the harness lacks to find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of one command."""

    check: str
    verdict: str
    subject: str
    edge: str
    owner: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended."""

    exit_code: int | None
    """None when it took too long."""
    took_s: float
    found: tuple[Found, ...]
    said: str = ""
    """The end of its output."""

    @property
    def judged(self) -> bool:
        """Whether it came to a verdict, and not to UNKNOWN, an error or the limit of its time."""
        return self.exit_code in {0, 1}

    @property
    def ended(self) -> bool:
        """Whether it came to its end, though some of it may be UNKNOWN."""
        return self.judged or any(each.verdict == Verdict.UNKNOWN for each in self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A line of the scoreboard."""

    line: Line
    planted: Outcome
    clean: Outcome

    @property
    def alarms(self) -> list[Found]:
        """What was found of the clean shop."""
        return [each for each in self.clean.found if each.verdict == Verdict.FAIL]

    @property
    def news(self) -> list[Found]:
        """What was found with the defect, and not without."""
        alarms = {(each.check, each.subject, each.edge) for each in self.alarms}
        failed = [each for each in self.planted.found if each.verdict == Verdict.FAIL]
        return [each for each in failed if (each.check, each.subject, each.edge) not in alarms]

    @property
    def edge_named(self) -> bool:
        """Whether a finding names the right edge; a mistake of a service's own has none."""
        ways = {text for edge in self.line.edges for text in (edge, edge.replace("->", " → "))}
        return not ways or any(way in f"{each.edge} {each.subject}" for each in self.news for way in ways)

    @property
    def owner_named(self) -> bool:
        """Whether a finding names the owner of whoever is to mend it."""
        return any(each.owner == self.line.owner for each in self.news)


class Board:
    """Runs lines, and keeps what came of them in a file."""

    def __init__(self, file: Path, *, limit_s: float, seed: int, resume: bool) -> None:
        self._file = file
        self._limit_s = limit_s
        self._seed = seed
        self._lock = Lock()
        self._stopped = False
        self._running: list[subprocess.Popen[bytes]] = []
        self._kept: dict[str, Outcome] = _read(file) if resume else {}

    @property
    def known(self) -> set[str]:
        """What need not be run again."""
        return set(self._kept)

    def run(self, lines: Sequence[Line], *, jobs: int) -> list[Result]:
        """Each line with and without its defect; what several lines ask of the clean shop is asked once."""
        wanted = {_key(line, planted=planted): (line, planted) for line in lines for planted in (False, True)}
        left = [key for key in wanted if key not in self._kept]
        with ThreadPoolExecutor(jobs) as threads:
            try:
                list(threads.map(lambda key: self._run(*wanted[key]), left))
            except KeyboardInterrupt:
                threads.shutdown(wait=False, cancel_futures=True)
                self._end()
                raise
        return [
            Result(
                line=line,
                planted=self._kept[_key(line, planted=True)],
                clean=self._kept[_key(line, planted=False)],
            )
            for line in lines
        ]

    def _end(self) -> None:
        """Tell what runs to end: it heals and takes everything down."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.send_signal(signal.SIGTERM)

    def keep(self, line: Line, *, planted: bool, outcome: Outcome) -> None:
        """Write down what came of a command."""
        key = _key(line, planted=planted)
        with self._lock:
            if self._stopped:
                return
            self._kept[key] = outcome
            self._file.parent.mkdir(parents=True, exist_ok=True)
            document = {each: asdict(kept) for each, kept in self._kept.items()}
            self._file.write_text(json.dumps(document, indent=1), encoding="utf-8")
            failed = sum(each.verdict == Verdict.FAIL for each in outcome.found)
            print(f"{key}: {failed} findings, exit {outcome.exit_code}, {outcome.took_s:.0f} s", flush=True)  # noqa: T201 -- a command

    def _run(self, line: Line, planted: bool) -> None:  # noqa: FBT001 -- with it or without
        self.keep(line, planted=planted, outcome=self._outcome(line, line.services if planted else ()))

    def _outcome(self, line: Line, services: Sequence[str]) -> Outcome:
        """Run a line's command on its part of the shop, with the defect in these services."""
        with tempfile.TemporaryDirectory(prefix="defects-") as made:
            root = Path(made)
            planted = {name: {VARIABLE: line.defect} for name in services}
            system = part_of(ROOT, root, line.part, experiments=line.command, env=planted)
            run = root / "run"
            env = {name: value for name, value in os.environ.items() if name != VARIABLE}
            if line.command[0] == "pytest":
                shutil.copy(ROOT / "pyproject.toml", root)
                command = [sys.executable, "-m", "pytest", "-q", *line.command[1:]]
                env |= {VARIABLE: line.defect} if services else {}
            else:
                words = [word.format(system=system) for word in line.command]
                command = [*COMMAND, *words, "--seed", str(self._seed), "--directory", str(run)]
            clock = SystemClock()
            began = clock.now()
            exit_code, said = self._ended(command, root, env)
            found = _failed_test(line, exit_code) if line.command[0] == "pytest" else _findings(run)
            return Outcome(exit_code=exit_code, took_s=round(clock.now() - began, 1), found=found, said=said[-2000:])

    def _ended(self, command: Sequence[str], root: Path, env: dict[str, str]) -> tuple[int | None, str]:
        """Run a command to its end, or as long as it may take."""
        with (root / "output.log").open("w+b") as output:
            process = subprocess.Popen(command, cwd=root, env=env, stdout=output, stderr=output, start_new_session=True)
            with self._lock:
                self._running.append(process)
            try:
                exit_code: int | None = process.wait(self._limit_s)
            except subprocess.TimeoutExpired:
                exit_code = None
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(GOES_WITHIN_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            with self._lock:
                self._running.remove(process)
            output.seek(0)
            return exit_code, output.read().decode("utf-8", "replace")


def _key(line: Line, *, planted: bool) -> str:
    return line.defect if planted else f"clean {','.join(line.part)}: {' '.join(line.command)}"


def _read(file: Path) -> dict[str, Outcome]:
    if not file.exists():
        return {}
    document = json.loads(file.read_text(encoding="utf-8"))
    kept = {
        key: Outcome(**{**each, "found": tuple(Found(**found) for found in each["found"])})
        for key, each in document.items()
    }
    return {key: outcome for key, outcome in kept.items() if outcome.judged}


def _findings(run: Path) -> tuple[Found, ...]:
    try:
        events = read_journal(run / JOURNAL).events
    except (JournalError, OSError):
        return ()
    made = [event.finding for event in events if isinstance(event, FindingMade)]
    return tuple(_short(each) for each in made if each.verdict is not Verdict.PASS)


def _short(finding: Finding) -> Found:
    return Found(
        check=finding.check,
        verdict=finding.verdict.value,
        subject=finding.subject,
        edge=finding.edge,
        owner=finding.owner,
        reason=finding.reason,
    )


def _failed_test(line: Line, exit_code: int | None) -> tuple[Found, ...]:
    """A consumer's own test names no owner: it is the consumer's."""
    if exit_code in {0, None}:
        return ()
    file, edge = line.command[-1], line.edges[0]
    reason = f"{file} ends with {exit_code}"
    return (Found(check="consumer test", verdict="FAIL", subject=file, edge=edge, owner=line.owner, reason=reason),)


def told(results: Sequence[Result], to: TextIO) -> int:
    """Print the scoreboard as a table of Markdown; 1 when something is missed, or alarmed about."""
    print("\n| defect | found | by | after | edge | owner |\n| --- | --- | --- | --- | --- | --- |", file=to)
    for result in results:
        print(_row(result), file=to)
    clean = {_key(result.line, planted=False): result for result in results}
    alarms = {key: result.alarms for key, result in clean.items() if result.alarms}
    broken = [key for key, result in clean.items() if not result.clean.ended]
    missed = [result.line.defect for result in results if not result.news]
    print(f"\n{len(results) - len(missed)} of {len(results)} found; clean shop: {len(clean)} commands, "
          f"{sum(map(len, alarms.values()))} false alarms", file=to)  # fmt: skip
    for key, found in alarms.items():
        for each in found[:SHOWN]:
            print(f"false alarm, {key}: {each.check}, {each.subject}: {each.reason}", file=to)
    for key in [key for key, result in clean.items() if result.clean.ended and not result.clean.judged]:
        print(f"UNKNOWN in part, {key}", file=to)
    for key in broken:
        print(f"not run to its end, {key}: exit {clean[key].clean.exit_code}", file=to)
    return 1 if missed or alarms or broken else 0


def _row(result: Result) -> str:
    line, news = result.line, result.news
    checks = ", ".join(dict.fromkeys(each.check for each in news)) or "-"
    if not news:
        how = "**missed**" if result.planted.judged else "not judged"
        late = ", it took too long" if result.planted.exit_code is None else ""
        awaits = f"; awaits {line.awaits}" if line.awaits else ""
        return f"| {line.defect} | {how}{late}{awaits} | {checks} | {result.planted.took_s:.0f} s | | |"
    found = "found" if any(want in each.check for each in news for want in line.expected) else "found otherwise"
    edge = "-" if not line.edges else "right" if result.edge_named else "other"
    owner = "right" if result.owner_named else f"other: {news[0].owner or 'none'}"
    return f"| {line.defect} | {found} | {checks} | {result.planted.took_s:.0f} s | {edge} | {owner} |"
