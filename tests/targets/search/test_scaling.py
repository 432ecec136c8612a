"""Search under load gets an instance more, which the registry judges and the gateway uses, and loses it again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from harness.model.fault import InstanceTarget
from harness.model.load_events import Noted
from harness.runtime.instance import State
from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback

WITHIN_S = 60.0
SECOND = InstanceTarget(service="search", index=2)
PAUSE_S = 0.05


def described(to: Path) -> Path:
    file = partial("gateway", "search", "catalog", "registry", "users", to=to)
    system = yaml.safe_load(file.read_text(encoding="utf-8"))
    for name in ("gateway", "catalog"):
        del system["services"][name]["instances"]
    system["services"]["search"]["scaling"] = {"signal": "requests", "above": 4, "for": "1 s", "most": 2}
    file.write_text(yaml.safe_dump(system), encoding="utf-8")
    return file


@contextmanager
def searching(url: str) -> Iterator[None]:
    """Somebody searches, again and again, some 15 times a second."""
    over = threading.Event()

    def search() -> None:
        while not over.wait(PAUSE_S):
            requests.get(f"{url}/search?q=lamp", timeout=10)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def up_by_the_registry(shop: Up, instance: str) -> bool:
    answer = shop.ask("registry", "GET", "/instances")
    return answer.ok and any(each["instance"] == instance and each["up"] for each in answer.json()["instances"])


def crossed(shop: Up) -> int:
    seconds = shop.session.recorder.crossings
    return sum(each.requests for each in seconds if each.line == "gateway-1->search-2")


def test_a_burst_brings_an_instance_that_is_judged_used_and_let_go(tmp_path: Path) -> None:
    with running(described(tmp_path), tmp_path / "run") as shop:
        session = shop.session
        entry = session.deployment.entry_url()
        until(lambda: up_by_the_registry(shop, "search-1"), within_s=WITHIN_S, what="search-1 up by the registry")
        assert not up_by_the_registry(shop, "search-2")
        with searching(entry):
            until(lambda: up_by_the_registry(shop, "search-2"), within_s=WITHIN_S, what="search-2 up by the registry")
            until(lambda: crossed(shop) > 10, within_s=WITHIN_S, what="the gateway uses search-2")
        gone = [State.STOPPED]
        until(lambda: session.deployment.state(SECOND) in gone, within_s=WITHIN_S, what="search-2 is stopped")
        until(lambda: not up_by_the_registry(shop, "search-2"), within_s=WITHIN_S, what="the registry knows")
        told = [event.message for event in session.recorder.events if isinstance(event, Noted)]
        assert any("above 4: search-2 started, ready after" in each for each in told)
        assert not any("unexpectedly" in each for each in told)
        until(lambda: requests.get(f"{entry}/search?q=lamp", timeout=10).ok, within_s=WITHIN_S, what="search goes on")
