"""The shop's orders alone: payments trouble is tried without payments, and without anybody else."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import requests
import yaml

from harness.cli.standing import Standing
from tests.e2e.shops import ROOT, harness, left_behind, started
from tests.targets.partial import OPERATOR, SHOP, until

pytestmark = [pytest.mark.loopback, pytest.mark.e2e]
UP_WITHIN_S = 150.0
SETTLED_WITHIN_S = 90.0
DECLINED = "payments: a request to charge a card that is declined"


class Alone:
    """What is up, asked as a customer."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes]) -> None:
        self.root = root
        self.process = process

    @property
    def said(self) -> str:
        return (self.root / "output.log").read_text(encoding="utf-8")

    def standing(self) -> Standing:
        (file,) = (self.root / ".harness" / "up").glob("*.json")
        return Standing.model_validate_json(file.read_bytes())

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {
            "Authorization": f"Bearer {OPERATOR}",
            "X-Customer": "8b097d70-c7fa-5cc3-b6e4-9c88b64b26cd",
            "Idempotency-Key": f"key-{uuid.uuid4()}",
        }
        return requests.request(method, self.standing().entry + path, headers=headers, timeout=10, **more)

    def order(self) -> str:
        """Place an order; gives its id."""
        wanted = {"items": [{"sku": "sku-0007", "quantity": 3}], "card_token": "tok-of-mine-1"}
        answer = self.ask("POST", "/orders", json=wanted)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["order_id"])

    def status(self, order: str) -> str:
        return str(self.ask("GET", f"/orders/{order}").json().get("status"))

    def choose(self, text: str) -> None:
        (self.standing().directory / "sandbox-state").write_text(text, encoding="utf-8")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    """The shop's description with its contracts, and `harness sandbox orders` on it."""
    copytree(ROOT / "contracts", tmp_path / "contracts")
    whole = yaml.safe_load((SHOP / "system.yaml").read_text(encoding="utf-8"))
    orders = whole["services"]["orders"]
    orders["run"]["path"] = [str(SHOP / "services")]
    orders["env"]["OPERATOR_TOKEN"] = OPERATOR
    whole["content"] = {"contracts": "contracts"}
    (tmp_path / "system.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    process = started(tmp_path, "sandbox", "orders", "--loose")
    sandbox = Alone(tmp_path, process)
    try:
        until(lambda: process.poll() is not None or "orders is at" in sandbox.said,
              within_s=UP_WITHIN_S, what="orders up alone")  # fmt: skip
        assert process.poll() is None, sandbox.said
        yield sandbox
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
            process.wait()
    until(lambda: not left_behind(tmp_path), within_s=20, what="nothing left")


def test_an_order_is_confirmed_refused_and_survives_trouble_of_payments_with_orders_alone(alone: Alone) -> None:
    confirmed = alone.order()
    until(lambda: alone.status(confirmed) == "confirmed", within_s=SETTLED_WITHIN_S, what="the order confirmed")

    alone.choose(f"{DECLINED}\n")
    refused = alone.order()
    until(lambda: alone.status(refused) == "refused", within_s=SETTLED_WITHIN_S, what="the order refused")
    alone.choose("")

    armed = harness(alone.root, "inject", "orders->payments", "black-hole=reply", "--for", "10m", "--detach")
    assert armed.returncode == 0, armed.stderr
    troubled = alone.order()
    assert alone.status(troubled) == "pending"
    assert harness(alone.root, "heal").returncode == 0
    until(lambda: alone.status(troubled) == "confirmed", within_s=SETTLED_WITHIN_S, what="the order confirmed at last")
