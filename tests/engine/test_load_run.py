"""A load run against a small server: followed to its end, or stopped by somebody."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from harness.engine.load_plan import LoadAsked, prepare_load
from harness.engine.load_run import in_words, load
from harness.engine.session import Settings
from harness.model.events import FindingMade, LoadPhaseEnded
from harness.model.finding import Finding
from harness.model.load_events import Observed
from harness.model.load_profile import LoadPhase
from harness.model.verdict import Verdict

STEPS = "journeys:\n  look: [GET /]\n"
PROFILE = """\
load: rise
phases:
  - {phase: before, for: 2s, rate: 20}
  - {phase: rise, for: 2s, rate: {from: 20, to: 40}}
expect: [look.p50 < 2s before]
"""


ENOUGH = 60


class Site(ThreadingHTTPServer):
    """Counts what it was asked."""

    daemon_threads = True
    asked = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.reached = Event()
        """Somebody has asked as often as `ENOUGH`."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        self.server.asked += 1
        if self.server.asked == ENOUGH:
            self.server.reached.set()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(site: Site, directory: Path, **more: object) -> LoadAsked:
    (directory / "journeys.yaml").write_text(STEPS, encoding="utf-8")
    host = f"http://127.0.0.1:{site.server_address[1]}"
    settings = Settings(directory=directory / "run", seed=5)
    return LoadAsked(hosts=(host,), journeys=directory / "journeys.yaml", settings=settings, **more)  # type: ignore[arg-type]  # as they are


def of_phases(events: tuple[object, ...]) -> list[LoadPhaseEnded]:
    return [each for each in events if isinstance(each, LoadPhaseEnded)]


def journeys_in(events: tuple[object, ...]) -> int:
    return sum(row.count for each in events if isinstance(each, Observed) for row in each.journeys)


def findings_in(events: tuple[object, ...]) -> list[Finding]:
    return [each.finding for each in events if isinstance(each, FindingMade)]


async def test_a_profile_is_followed_to_its_end_and_judged(site: Site, tmp_path: Path) -> None:
    (tmp_path / "rise.yaml").write_text(PROFILE, encoding="utf-8")
    want = asked(site, tmp_path, profile=str(tmp_path / "rise.yaml"))
    said: list[str] = []
    result = await load(prepare_load(want), want.settings, say=said.append)
    before, rise = of_phases(result.events)
    assert (before.start, before.end) == (int(before.start), before.start + 2)
    assert (before.end, rise.end) == (rise.start, rise.start + 2)
    assert (rise.asked_start, rise.asked_end) == (20.0, 40.0)
    assert site.asked == journeys_in(result.events) > 0
    rows = [row for each in result.events if isinstance(each, Observed) for row in each.journeys]
    assert {row.second for row in rows} <= set(range(int(before.start), int(rise.end)))
    assert "rise: 20 to 40 journeys a second for 2 s" in said
    assert not any("proxy" in each for each in said)
    found = {each.subject for each in findings_in(result.events)}
    assert {"harness", "load generator", "answers", "journeys", "look.p50 < 2 s in before"} <= found


async def test_a_run_that_somebody_stops_loses_nothing_and_tells_what_there_is(site: Site, tmp_path: Path) -> None:
    want = asked(site, tmp_path, rate=40.0, length_s=600.0)
    task = asyncio.create_task(load(prepare_load(want), want.settings, say=lambda _: None))
    assert await asyncio.to_thread(site.reached.wait, 60)
    task.cancel()
    result = await task
    assert (result.exit_code, result.verdict) == (130, Verdict.UNKNOWN)
    (cut,) = of_phases(result.events)
    assert 0 < cut.end - cut.start < 600
    assert site.asked == journeys_in(result.events)


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (LoadPhase(name="a", length_s=30.0, start_rate=20.0, end_rate=20.0), "20 journeys a second for 30 s"),
        (LoadPhase(name="a", length_s=10.0, start_rate=20.0, end_rate=2.5), "20 to 2.5 journeys a second for 10 s"),
        (LoadPhase(name="a", length_s=1.5, users=20), "20 users for 1.5 s"),
    ],
)
def test_what_is_asked_of_a_phase_is_told_in_words(phase: LoadPhase, words: str) -> None:
    assert words == in_words(phase)
