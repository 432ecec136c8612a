from pathlib import Path

from harness.engine.recorder import Recorder
from harness.model.events import Event, FindingMade, RunStarted
from harness.model.finding import Finding, Part
from harness.model.load_events import Observed
from harness.model.observation import CrossingSecond
from harness.model.verdict import Verdict
from harness.observe.journal import Journal, read_journal
from tests.engine.clocks import StoppedClock

START = RunStarted(
    run="r", system="s", wall="2026-01-01T00:00:00+00:00", seed=1, command="harness run", harness="0", python="3",
    tools={}, owners={}, edges=(), journeys=(),
)  # fmt: skip
CROSSING = CrossingSecond(
    second=1,
    line="a-1->b-1",
    connections=1,
    requests=2,
    answers=2,
    aborted=0,
    bytes_up=1,
    bytes_down=1,
    answer_ms_sum=3.0,
)


def test_what_is_recorded_is_journaled_remembered_and_heard(tmp_path: Path) -> None:
    heard: list[Event] = []
    recorder = Recorder(Journal(tmp_path / "j"), clock=StoppedClock(107.5), began=100.0)
    recorder.listen(heard.append)
    found = Finding(check="c", part=Part.FUZZ, verdict=Verdict.PASS, reason="r", subject="s")
    recorder.record(START)
    recorder.record(Observed(crossings=(CROSSING,)))
    recorder.find(found)
    recorder.note("a figure", {"x": 1.0})
    recorder.close()
    assert recorder.now() == 7.5
    assert (recorder.crossings, recorder.findings) == ([CROSSING], [found])
    assert heard == recorder.events
    assert read_journal(tmp_path / "j").events == tuple(recorder.events)
    assert recorder.events[2] == FindingMade(t=7.5, finding=found)
