"""`harness sandbox` and `harness verify service.yaml` on a small service, with real stubs, proxies and faults."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli.standing import Standing
from tests.e2e.shops import harness, left_behind, started, until
from tests.engine.lone import published, repository, system

pytestmark = pytest.mark.loopback
UP_WITHIN_S = 90.0


@dataclass
class Sandbox:
    root: Path
    process: subprocess.Popen[bytes]

    @property
    def said(self) -> str:
        return (self.root / "output.log").read_text(encoding="utf-8")

    def standing(self) -> Standing:
        (file,) = (self.root / ".harness" / "up").glob("*.json")
        return Standing.model_validate_json(file.read_bytes())

    def buy(self, cents: int) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{self.standing().entry}/buy/{cents}", timeout=5) as answer:  # noqa: S310 -- our own
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def choose(self, text: str) -> None:
        (self.standing().directory / "sandbox-state").write_text(text, encoding="utf-8")


@pytest.fixture
def stood(tmp_path: Path) -> Iterator[Sandbox]:
    system(tmp_path)
    sandbox = Sandbox(tmp_path, started(tmp_path, "sandbox", "orders"))
    try:
        until(lambda: sandbox.process.poll() is not None or "orders is at" in sandbox.said,
              within_s=UP_WITHIN_S, what="the sandbox up")  # fmt: skip
        assert sandbox.process.poll() is None, sandbox.said
        yield sandbox
    finally:
        sandbox.process.send_signal(signal.SIGINT)
        try:
            sandbox.process.wait(timeout=60)
        finally:
            sandbox.process.kill()
            sandbox.process.wait()
    until(lambda: not left_behind(tmp_path), within_s=20, what="nothing left")


def test_its_providers_are_played_states_are_chosen_and_what_nothing_matches_is_told(stood: Sandbox) -> None:
    assert re.search(r"payments +money +4 interactions of orders-payments\.json", stood.said)
    assert re.search(r"mailer +post +no pact: made up from mailer\.json", stood.said)
    status, text = stood.buy(1999)
    assert (status, json.loads(text)) == (201, {"order_id": "11112222", "status": "captured"})
    stood.choose("payments: a refunded order\n")
    assert stood.buy(1999)[0] == 409
    until(lambda: "from now on: payments: a refunded order" in stood.said, within_s=10, what="the choice told")
    status, text = stood.buy(5)
    assert (status, json.loads(text)["nearest"]["differences"]) == (
        501,
        ["body $.amount_cents: expected 1999, found 5"],
    )
    until(lambda: "payments: 501 POST /charges matches no interaction in orders-payments.json" in stood.said,
          within_s=10, what="the miss told")  # fmt: skip


def test_a_fault_on_the_edge_of_a_stub_bites_and_heals(stood: Sandbox) -> None:
    assert stood.buy(1999)[0] == 201
    armed = harness(stood.root, "inject", "orders->payments", "black-hole=reply", "--for", "10m", "--detach")
    assert armed.returncode == 0, armed.stderr
    assert stood.buy(1999)[0] == 503
    assert harness(stood.root, "heal").returncode == 0
    assert stood.buy(1999)[0] == 201
    assert "501 GET /livez" not in stood.said


def test_after_sigkill_nothing_is_left(stood: Sandbox) -> None:
    os.kill(stood.process.pid, signal.SIGKILL)
    stood.process.wait()
    until(lambda: not left_behind(stood.root), within_s=20, what="nothing left")
    assert harness(stood.root, "ps").stdout == "nothing is up\n"


def test_harness_down_ends_it(stood: Sandbox) -> None:
    assert harness(stood.root, "down").returncode == 0
    assert stood.process.wait(timeout=30) == 0
    assert "Traceback" not in stood.said
    assert left_behind(stood.root) == []


BAD_WORDS = {
    ("sandbox", "ordesr"): "no service 'ordesr'; did you mean 'orders'?",
    ("sandbox", "orders", "--state", "payments: an ordre"): "payments has no state 'an ordre'",
    ("sandbox", "orders", "--pacts", "nowhere"): "Directory 'nowhere' does not exist",
    (
        "verify",
        "service.yaml",
        "--pacts",
        "nowhere",
    ): "nowhere: expected a folder of pacts, or the URL of",
    ("verify", "service.yaml", "--pacts", "empty"): "empty: no pact has 'orders' as its provider",
    ("verify", "service.yaml", "--pacts", "empty", "--tls"): "leave --tls and other providers out",
    ("verify", "service.yaml", "--broker", "http://127.0.0.1:1"): "--ledger and --broker go with a whole system",
    ("verify", "service.yaml", "--pacts", "http://127.0.0.1:1/"): "127.0.0.1:1",
    ("verify", "system.yaml", "--pacts", "http://127.0.0.1:1/"): "expected a folder of pacts for a whole system",
}


@pytest.mark.parametrize(("words", "complaint"), BAD_WORDS.items(), ids=" ".join)
def test_bad_words_are_told_and_nothing_is_started(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    system(tmp_path)
    (tmp_path / "service.yaml").write_text(
        (repository(tmp_path / "other")).read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "empty").mkdir()
    done = harness(tmp_path, *words)
    assert (done.returncode, complaint in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def test_its_own_broken_pact_is_told_with_its_place(tmp_path: Path) -> None:
    system(tmp_path)
    (tmp_path / "contracts" / "pacts" / "orders-payments.json").write_text('{\n"consumer": }', encoding="utf-8")
    done = harness(tmp_path, "sandbox", "orders")
    assert (done.returncode, "orders-payments.json:2:13: expected JSON" in done.stderr) == (2, True), done.stderr


def test_a_provider_is_verified_in_its_own_repository(tmp_path: Path) -> None:
    file, pacts = repository(tmp_path / "repository"), published(tmp_path / "pacts")
    done = harness(file.parent, "verify", file.name, "--pacts", str(pacts))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "payments is played: 4 interactions of orders-payments.json" in done.stdout
    assert "front → orders: a request to buy" in done.stdout
    assert "stranger" not in done.stdout
    assert left_behind(tmp_path) == []


def test_what_the_provider_breaks_is_caught_there(tmp_path: Path) -> None:
    file, pacts = repository(tmp_path / "repository"), published(tmp_path / "pacts", status=200)
    done = harness(file.parent, "verify", file.name, "--pacts", str(pacts))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "orders breaks what front relies on: status: expected 200, found 201" in done.stdout


def test_without_its_providers_pacts_it_runs_and_they_answer_501(tmp_path: Path) -> None:
    file, pacts = repository(tmp_path / "repository"), published(tmp_path / "pacts", status=501)
    (pacts / "orders-payments.json").unlink()
    done = harness(file.parent, "verify", file.name, "--pacts", str(pacts))
    assert "payments is played: nothing: no pact and no OpenAPI document, so it answers 501" in done.stdout
    assert done.returncode == 1
    assert left_behind(tmp_path) == []
