"""The panic button for every fault that there is, and for the proxies themselves, pressed by another process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.cli.asking import HEALED_WITHIN_S, converse
from harness.cli.control_words import Answer, HealRequest, InjectRequest
from harness.faults import FAULTS
from tests.cli.test_inject import SYSTEM, answers, standing, steps
from tests.e2e.shops import harness, left_behind, until

pytestmark = pytest.mark.loopback

ATTRIBUTES: dict[str, dict[str, str]] = {
    "latency": {"delay": "300ms"},
    "bandwidth": {"kilobytes_per_s": "1"},
    "slow-close": {"delay": "300ms"},
    "slice": {"average_bytes": "10"},
    "limit": {"bytes": "100"},
    "flapping": {"period": "1s"},
    "delay": {"delay": "2s"},
    "drop-field": {"field": "/name"},
}
"""Of those that can't do without."""
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tmp_path = tmp_path_factory.mktemp("up")
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    begun = harness(tmp_path, "up", "--detach")
    assert begun.returncode == 0, begun.stdout + begun.stderr
    yield tmp_path
    harness(tmp_path, "down")
    until(lambda: not left_behind(tmp_path), within_s=20, what="nothing left")


def armed(root: Path, kind: str) -> Answer:
    """Put it on for long, and go away as soon as it is there."""
    request = InjectRequest(
        target="customers->front" if FAULTS[kind].acts_on == "edge" else "front-1",
        fault=kind,
        attributes=ATTRIBUTES.get(kind, {}),
        lasts_s=600.0,
    )
    return next(converse(standing(root).directory, request, within_s=WITHIN_S))


def healed(root: Path) -> list[Answer]:
    return list(converse(standing(root).directory, HealRequest(), within_s=HEALED_WITHIN_S))


def test_every_fault_that_there_is_is_undone(up: Path) -> None:
    for number, kind in enumerate(FAULTS, start=1):
        put_on = armed(up, kind)
        assert put_on.good, (kind, put_on)
        (answer,) = healed(up)
        assert answer.good, (kind, answer)
        assert answers(up), kind
        assert healed(up) == [], kind
        assert steps(up)[-1] == (f"by-hand-{number}", "healed")
    assert "nothing is in force" in harness(up, "heal").stdout


def proxies(root: Path) -> dict[str, int]:
    """The name of each, and its process."""
    directory = str(standing(root).directory)
    found = {}
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            below = directory in process.cwd() or any(directory in word for word in words)
        except psutil.Error:
            continue
        if below and "harness.proxy.relay" in words:
            found["relay"] = process.pid
        elif below and "-config" in words:
            found[Path(words[words.index("-config") + 1]).stem] = process.pid
    return found


def test_proxies_that_died_or_hang_are_put_right_with_what_was_in_force(up: Path) -> None:
    there = proxies(up)
    assert set(there) == {"relay", "toxiproxy-customers", "toxiproxy-front"}
    assert armed(up, "half-open").good
    assert armed(up, "latency").good
    os.kill(there["relay"], signal.SIGKILL)
    os.kill(there["toxiproxy-customers"], signal.SIGSTOP)
    assert not answers(up)
    done = harness(up, "heal")
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "relay is healed (proxy restarted)",
        "toxiproxy-customers is healed (proxy restarted)",
        "under latency",
    ):
        assert said in done.stdout
    assert answers(up)
    assert proxies(up)["toxiproxy-front"] == there["toxiproxy-front"]
    assert harness(up, "heal").stdout.endswith("nothing is in force\n")
