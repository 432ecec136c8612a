from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.load.wire import (
    Begin,
    Command,
    Done,
    Drive,
    Flush,
    Quiesce,
    Ready,
    Refused,
    Report,
    TakeDistinct,
    command_line,
    connect,
    listen,
    read_command,
    read_report,
    report_line,
)
from harness.model.declared import DegradedMark
from harness.model.load_events import Observed
from harness.model.observation import GeneratorSecond

BEGIN = Begin(
    locustfile="/l.py",
    hosts=("http://h",),
    journeys=("browse",),
    deadlines={"browse": 1.0},
    degraded=DegradedMark(header="X-Degraded", json_pointer="/degraded"),
    seed=1,
    pool=200,
    path=("/p",),
    history="/h",
    run_began=12.5,
)
SECOND = GeneratorSecond(second=1, due=2, started=1, dropped=1, lag_p99_s=0.001, in_flight=3, cpu_share=0.1)


@pytest.mark.parametrize(
    "command",
    [BEGIN, Drive(id=1, rate=2.5, weights={"browse": 1}), Quiesce(id=2, timeout_s=5), Flush(id=3), TakeDistinct(id=4)],
)
def test_commands_come_through(command: Command) -> None:
    line = command_line(command)
    assert line.count(b"\n") == 1
    assert read_command(line) == command


@pytest.mark.parametrize(
    "report",
    [Ready(), Refused(reason="a\nb"), Done(id=1, in_flight=2, error="x"), Observed(generator=(SECOND,))],
)
def test_reports_come_through(report: Report) -> None:
    line = report_line(report)
    assert line.count(b"\n") == 1
    assert read_report(line) == report


@pytest.mark.parametrize("line", [b"", b"{", b'{"do": "dance"}', b'{"do": "drive"}'])
def test_what_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(ValidationError):
        read_command(line)


@pytest.mark.loopback
def test_they_meet_in_a_directory_deeper_than_a_unix_address_is_long(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a" * 60] * 4)
    deep.mkdir(parents=True)
    with listen(deep) as listener:
        listener.setblocking(True)  # noqa: FBT003 -- its signature
        with connect(deep) as ours:
            theirs, _ = listener.accept()
            with theirs:
                ours.sendall(b"x")
                assert theirs.recv(1) == b"x"


@pytest.mark.loopback
def test_a_socket_left_by_a_killed_run_is_in_nobodys_way(tmp_path: Path) -> None:
    listen(tmp_path).close()
    listen(tmp_path).close()
