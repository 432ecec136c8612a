"""Posting a notice: to somebody real on 127.0.0.1, with a clock that does not wait between the tries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.model.notifying import Hidden, Webhook
from harness.notify.hidden import Keeper
from harness.notify.unsent import Unsent
from harness.notify.webhook import Answer, send
from tests.notify.made_up import ENDED, STARTS, PatientClock
from tests.notify.receiver import receiver

SECRET = "a secret that is long enough"
KEEPER = Keeper(root=Path("/"), environ={"HOOK_SECRET": SECRET, "WRONG": "ftp://somewhere/t0ken"})


def hook(url: str) -> Webhook:
    return Webhook(url=url, secret=Hidden(env="HOOK_SECRET"))


def proved(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a receiver would believe it; written by the book, not by what the harness does."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    digest = base64.b64encode(hmac.new(SECRET.encode(), content.encode(), hashlib.sha256).digest()).decode()
    return headers["webhook-signature"] == f"v1,{digest}"


@pytest.mark.loopback
async def test_a_notice_arrives_signed_with_its_verdict() -> None:
    async with receiver() as bank:
        tries = await send(ENDED, hook(bank.url), keeper=KEEPER, clock=PatientClock())

    ((headers, body),) = bank.came
    assert tries == 1
    assert proved(headers, body)
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "harness.end",
        "timestamp": "2026-11-20T09:00:00+00:00",
        "data": {
            "system": "bank",
            "run": "20261120-090000",
            "headline": "bank: the game day 'friday' ended: FAIL",
            "text": "browse: 12% were bad",
            "verdict": "FAIL",
            "exit_code": 1,
        },
    }


@pytest.mark.loopback
async def test_a_body_that_was_changed_on_the_way_is_not_believed() -> None:
    async with receiver() as bank:
        await send(ENDED, hook(bank.url), keeper=KEEPER, clock=PatientClock())

    ((headers, body),) = bank.came
    assert not proved(headers, body.replace(b"FAIL", b"PASS"))


@pytest.mark.loopback
async def test_a_receiver_in_trouble_is_tried_again_under_the_same_name() -> None:
    clock = PatientClock()
    async with receiver() as bank:
        bank.answers = [503, 429]
        tries = await send(ENDED, hook(bank.url), keeper=KEEPER, clock=clock)

    assert tries == 3
    assert clock.slept_s == [0.5, 1.0]
    assert len({headers["webhook-id"] for headers, _ in bank.came}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in bank.came}) == 2
    assert all(proved(headers, body) for headers, body in bank.came)


@pytest.mark.loopback
async def test_after_three_tries_it_is_over() -> None:
    async with receiver() as bank:
        bank.answers = [500, 502, 503, 204]
        with pytest.raises(Unsent) as unsent:
            await send(ENDED, hook(bank.url), keeper=KEEPER, clock=PatientClock())

    assert (unsent.value.why, unsent.value.tries) == ("it answered 503", 3)
    assert len(bank.came) == 3


@pytest.mark.loopback
@pytest.mark.parametrize("status", [400, 401, 404, 410, 302, 307])
async def test_a_refusal_is_not_tried_again_and_a_redirect_is_not_followed(status: int) -> None:
    async with receiver() as bank:
        bank.answers = [status]
        with pytest.raises(Unsent) as unsent:
            await send(ENDED, hook(bank.url), keeper=KEEPER, clock=PatientClock())

    assert (unsent.value.why, unsent.value.tries) == (f"it answered {status}", 1)
    assert len(bank.came) == 1


@pytest.mark.loopback
@pytest.mark.parametrize(("asked", "slept_s"), [("1", 1.0), ("3600", 2.0), ("-5", 0.5), ("tomorrow", 0.5)])
async def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_any(asked: str, slept_s: float) -> None:
    clock = PatientClock()
    async with receiver() as bank:
        bank.answers, bank.retry_after = [503], asked
        await send(ENDED, hook(bank.url), keeper=KEEPER, clock=clock)

    assert clock.slept_s == [slept_s]


@pytest.mark.loopback
async def test_a_receiver_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.notify.webhook.TRY_TIMEOUT_S", 0.2)
    async with receiver() as bank:
        bank.silent = True
        with pytest.raises(Unsent) as unsent:
            await send(ENDED, hook(bank.url), keeper=KEEPER, clock=PatientClock())

    assert (unsent.value.why, unsent.value.tries) == ("no answer within 0.2 s", 3)


@pytest.mark.loopback
async def test_where_nobody_listens_the_reason_does_not_tell_the_address() -> None:
    async with receiver() as bank:
        url = bank.url
    with pytest.raises(Unsent) as unsent:
        await send(ENDED, hook(url), keeper=KEEPER, clock=PatientClock())

    assert unsent.value.why == "connection refused"


@pytest.mark.parametrize(
    ("webhook", "why"),
    [
        (Webhook(url="http://127.0.0.1:9/", secret=Hidden(env="UNSET")), "the variable UNSET is not set"),
        (
            Webhook(hidden_url=Hidden(env="WRONG"), secret=Hidden(env="HOOK_SECRET")),
            "the variable WRONG holds no address as https://hooks.example.org/game-days",
        ),
    ],
)
async def test_without_a_secret_or_an_address_nothing_is_posted(webhook: Webhook, why: str) -> None:
    async def post(_url: str, _body: bytes, _headers: Mapping[str, str]) -> Answer:
        raise AssertionError

    with pytest.raises(Unsent) as unsent:
        await send(STARTS, webhook, keeper=KEEPER, clock=PatientClock(), post=post)

    assert unsent.value.why == why
    assert "t0ken" not in str(unsent.value)
