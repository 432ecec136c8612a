"""`harness up` on a system of one standard-library server."""

import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.shops import left_behind, started, until

SYSTEM = """\
system: tiny
entry: front
services:
  front:
    owner: web
    run: {command: [PYTHON, -m, http.server, "{port}", --bind, 127.0.0.1]}
    ready: /
""".replace("PYTHON", sys.executable)


@pytest.mark.loopback
def test_it_tells_where_everything_is_until_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    up = started(tmp_path, "up")
    output = tmp_path / "output.log"
    try:
        until(lambda: "customers enter at" in output.read_text(encoding="utf-8"), within_s=30, what="the system up")
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=30) == 0
    finally:
        up.kill()
        up.wait()
    said = output.read_text(encoding="utf-8")
    assert "front-1" in said
    assert "Traceback" not in said
    assert left_behind(tmp_path) == []
