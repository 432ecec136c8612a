"""`harness load --ui` in a real browser: a fault is put on from the page, the curve moves, and it is healed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chromium import Tab, chromium
from tests.cli.page.test_server import page_shown
from tests.cli.test_inject import standing
from tests.e2e.shops import harness, left_behind, started, until

pytestmark = [pytest.mark.loopback, pytest.mark.e2e]

APP = """\
import http.server, sys, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = 200
        if len(sys.argv) > 2 and self.path != "/ready":
            try:
                urllib.request.urlopen(sys.argv[2], timeout=20).read()
            except OSError:
                status = 503
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SYSTEM = """\
system: tiny
entry: front
content: {load: journeys.yaml, chaos: chaos}
services:
  front: {owner: web, run: {command: [PYTHON, app.py, "{port}", "{edge.back.urls}"]}, ready: /ready}
  back: {owner: stock, run: {command: [PYTHON, app.py, "{port}"]}, ready: /ready}
edges: [{from: front, to: back, need: hard}]
journeys:
  look: {deadline: 20s, needs: [back]}
""".replace("PYTHON", sys.executable)
DELAY_MS = 2500
"""Far beyond what a busy machine does to a request by itself, and believed as soon as nothing comes."""
READY_S = 120.0
WINDOW = "seen.windows[seen.windows.length - 1]?"


def a_second(median: str, when: str = "true") -> str:
    """Whether there is a second whose median is so, at such a time."""
    return f"[...seen.seconds.values()].some((each) => each.p50 !== null && each.p50 {median} && ({when}))"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Path, str, subprocess.Popen[bytes]]]:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    (tmp_path / "journeys.yaml").write_text("journeys:\n  look: [GET /]\n", encoding="utf-8")
    process = started(tmp_path, "load", "--ui", "0", "--rate", "10", "--directory", "run", "--seed", "3")
    try:
        until(lambda: has_said(tmp_path, "journeys a second for"), within_s=READY_S, what="there is load")
        (url,) = re.findall(r"http://127\S+/chaos\?token=\S+", (tmp_path / "output.log").read_text(encoding="utf-8"))
        yield tmp_path, url, process
    finally:
        process.kill()
        process.wait()
        until(lambda: not left_behind(tmp_path), within_s=20, what="nothing left")


@pytest.fixture
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    async with chromium(tmp_path_factory.mktemp("browser")) as found:
        yield found


def has_said(root: Path, words: str) -> bool:
    return words in (root / "output.log").read_text(encoding="utf-8")


async def focused(tab: Tab) -> str:
    return str(await tab.value("document.activeElement.id || document.activeElement.dataset.key || ''"))


async def tab_to(tab: Tab, wanted: str) -> None:
    """Press the key until it is there, seen to be there; a page whose order hides it fails."""
    for _ in range(60):
        await tab.press("Tab")
        if await focused(tab) == wanted:
            assert await tab.value("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(wanted)


async def inject(tab: Tab, *, delay: str, lasts: str) -> None:
    for name, value in (("takes-delay", delay), ("lasts", lasts)):
        await tab.value(f"document.getElementById('{name}').value = '{value}'")
    await tab.value("document.querySelector('#inject button').click()")


async def test_a_fault_from_the_page_moves_the_curve_and_is_healed_and_the_report_is_there(
    running: tuple[Path, str, subprocess.Popen[bytes]], tab: Tab
) -> None:
    root, url, process = running
    await tab.look_like(width=1280, dark=False)
    await tab.open(url)
    assert "token" not in await tab.value("location.href")
    await tab.until(
        "document.querySelectorAll('#edges tbody tr').length == 2 && !!document.querySelector('#latency path')"
    )
    await tab.until(a_second(f"< {DELAY_MS}"))
    await tab.value("document.getElementById('target').value = 'front->back'")
    await inject(tab, delay="lots", lasts="10m")
    complaint = await tab.until("document.querySelector('#alert:not([hidden])')?.textContent")
    assert "the fault 'latency': delay: expected a duration such as" in complaint
    await inject(tab, delay=f"{DELAY_MS}ms", lasts="10m")
    shown = await tab.until("document.querySelector('#force tbody th')?.textContent", within_s=60)
    assert shown == "front → back under latency 2.5 s"
    assert await tab.until("document.querySelector('#edges .broken')?.textContent") == "latency 2.5 s"
    await tab.until(a_second(f">= {DELAY_MS}", f"each.t >= {WINDOW}.start"), within_s=60)
    await tab.until("!!document.querySelector('#latency rect.fault')")
    done = harness(root, "ps")
    assert "latency 2.5 s" in done.stdout
    await tab.value("document.querySelector('#force button').click()")
    await tab.until("document.getElementById('force').hidden && seen.windows.every((each) => each.end)", within_s=60)
    await tab.until(a_second(f"< {DELAY_MS}", f"each.t > {WINDOW}.end"), within_s=60)

    await tab.open(re.sub(r"/chaos.*", "/", url))
    assert await tab.until("document.getElementById('harness-chaos')?.getAttribute('role')") == "tab"
    await tab.value("document.getElementById('harness-chaos').click()")
    await tab.until("location.pathname == '/chaos' && document.getElementById('finish')?.disabled === false")
    await tab.value("document.getElementById('finish').click()")
    await tab.until("!document.getElementById('report').hidden", within_s=120)
    await tab.value("document.getElementById('report').click()")
    await tab.until("location.pathname == '/chaos/report' && document.body?.textContent.includes('load-health')")
    assert [each.rpartition("status of ")[2] for each in tab.errors] == ["400 (Bad Request)"]  # of "lots"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) in (0, 2)  # a busy machine's generator is sick, which is told
    assert not list((root / ".harness" / "up").glob("*"))


async def test_by_keyboard_alone_and_a_harness_that_is_killed_leaves_nothing_in_force(
    running: tuple[Path, str, subprocess.Popen[bytes]], tab: Tab
) -> None:
    root, url, process = running
    await tab.look_like(width=400, dark=True)
    await tab.open(url)
    await tab.until("document.querySelectorAll('#edges tbody tr').length == 2")
    assert await tab.value("document.documentElement.scrollWidth <= 400")
    await tab.press("Tab")
    assert await tab.value("document.activeElement.className") == "skip"
    await tab.press("Enter")
    await tab_to(tab, "target")
    await tab.type("front")
    assert await tab.value("document.getElementById('target').value") == "front->back"
    await tab_to(tab, "takes-delay")
    await tab.type(f"{DELAY_MS}ms")
    await tab.press("Enter")
    await tab.until("!!document.querySelector('#force tbody th')", within_s=60)
    assert "in force after" in await tab.until("document.getElementById('live').textContent")
    await tab_to(tab, "by-hand-1")
    await tab.press("Enter")
    await tab.until("document.getElementById('force').hidden", within_s=60)
    assert await focused(tab) == "force-head"
    assert "healed" in await tab.until("document.getElementById('live').textContent")

    said = json.dumps({"target": "front-1", "fault": "pause", "lasts": "10m"})
    asked = f"fetch('/chaos/inject', {{method: 'POST', body: '{said}'}}).then((each) => each.status)"
    assert await tab.value(asked) == 200
    until(lambda: bool(standing(root).faults), within_s=20, what="on record")
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: not left_behind(root), within_s=20, what="nothing left, not even what was paused")
    assert "front-1 under pause was in force" in harness(root, "heal").stdout
    await tab.until("document.getElementById('status').textContent.includes('does not answer')")


async def test_on_named_hosts_only_what_can_work_is_offered(tmp_path: Path, tab: Tab) -> None:
    async with page_shown(tmp_path, described=False) as it:
        await tab.open(it.server.guard.url)
        said = await tab.until("document.querySelector('#inject-none:not([hidden])')?.textContent")
        assert "describe the system" in said
        await tab.until("document.querySelectorAll('#instances tbody tr').length > 0")
        visible = "[...document.querySelectorAll('form, button')].filter((each) => each.checkVisibility())"
        offered = await tab.value(f"{visible}.map((each) => each.id || each.textContent).join()")
        assert offered == "steer,Change,stop,finish"
        assert not tab.errors
