"""Telling by Apprise: the real program where it is not installed, and a made-up Apprise."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from harness.model.notifying import Hidden
from harness.notify import apprise_process
from harness.notify.by_apprise import send
from harness.notify.hidden import Keeper
from harness.notify.unsent import Unsent
from tests.notify.made_up import ENDED

ADDRESSES = Hidden(env="ADDRESSES")
KEEPER = Keeper(root=Path("/"), environ={"ADDRESSES": "chat://t0ken mail://t0ken"})

APPRISE = """
import json, os, pathlib
class Apprise:
    def __init__(self):
        self.addresses = []
    def add(self, address):
        known = address.startswith(("chat:", "mail:"))
        if known:
            self.addresses.append(address)
        return known
    def notify(self, **told):
        pathlib.Path({log!r}).write_text(json.dumps([self.addresses, told]))
        return {reaches}
"""


def program(tmp_path: Path, *, reaches: bool = True) -> tuple[str, ...]:
    """What is started, with an Apprise that writes down what it is asked."""
    (tmp_path / "apprise.py").write_text(APPRISE.format(log=str(tmp_path / "log"), reaches=reaches))
    path = apprise_process.__file__
    start = f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path({path!r}, run_name='__main__')"
    return (sys.executable, "-I", "-c", start)


@pytest.mark.loopback
async def test_apprise_is_handed_the_addresses_and_what_is_told(tmp_path: Path) -> None:
    await send(ENDED, ADDRESSES, keeper=KEEPER, program=program(tmp_path))

    addresses, told = json.loads((tmp_path / "log").read_text())
    assert addresses == ["chat://t0ken", "mail://t0ken"]
    assert told == {
        "title": "bank: the game day 'friday' ended: FAIL",
        "body": "browse: 12% were bad\nrun 20261120-090000, 2026-11-20T09:00:00+00:00",
        "notify_type": "failure",
    }


@pytest.mark.loopback
async def test_what_apprise_does_not_reach_is_told_without_an_address(tmp_path: Path) -> None:
    with pytest.raises(Unsent) as unsent:
        await send(ENDED, ADDRESSES, keeper=KEEPER, program=program(tmp_path, reaches=False))

    assert unsent.value.why == "Apprise did not reach everybody of the variable ADDRESSES"


@pytest.mark.loopback
async def test_an_address_that_apprise_does_not_know_keeps_nobody_else_from_hearing(tmp_path: Path) -> None:
    keeper = Keeper(root=Path("/"), environ={"ADDRESSES": "pigeon://t0ken mail://t0ken"})
    with pytest.raises(Unsent) as unsent:
        await send(ENDED, ADDRESSES, keeper=keeper, program=program(tmp_path))

    assert unsent.value.why == "the variable ADDRESSES holds an address that Apprise does not know"
    assert json.loads((tmp_path / "log").read_text())[0] == ["mail://t0ken"]


@pytest.mark.loopback
async def test_without_apprise_it_is_told_how_to_get_it() -> None:
    start = "import sys, runpy; sys.modules['apprise'] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
    without = (sys.executable, "-I", "-c", start, apprise_process.__file__)
    with pytest.raises(Unsent) as unsent:
        await send(ENDED, ADDRESSES, keeper=KEEPER, program=without)

    assert unsent.value.why == "Apprise is not installed; pip install 'harness[apprise]'"


@pytest.mark.loopback
async def test_an_apprise_that_hangs_is_ended_with_whoever_waits_for_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    start = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid()) + chr(10)); time.sleep(600)"
    telling = asyncio.create_task(send(ENDED, ADDRESSES, keeper=KEEPER, program=(sys.executable, "-I", "-c", start)))
    async with asyncio.timeout(30):
        while not (pid.exists() and pid.read_text().endswith("\n")):  # noqa: ASYNC110 -- another process writes it
            await asyncio.sleep(0.02)
    telling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await telling

    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
