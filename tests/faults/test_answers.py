"""Changed answers as a fault: in force when the relay says so, written down, and healed on open connections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.faults.edge_answers import Answers
from harness.model.changes import AnswerRule, FixedAnswer
from harness.model.fault import HealedBy
from tests.faults.systems import CATALOG, injection, system
from tests.proxy.rigs import client

pytestmark = pytest.mark.loopback

OTHER = Answers(rules=(AnswerRule(method="GET", path="/", instead=FixedAnswer(status=200, body="another")),))


async def test_answers_are_changed_while_it_is_in_force_and_healed_on_the_same_connection(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with system(toxiproxy, tmp_path) as (running, injector):
        armed = await injector.inject(injection(OTHER))
        assert armed.in_force
        assert "the relay changes them" in armed.evidence
        async with client(running.entry(CATALOG)) as consumer:
            assert await consumer.get() == b"another"
            healed = await injector.heal("it")
            assert (healed.verified, healed.by) == (True, HealedBy.REMOVED)
            assert await consumer.get() == b"ok"
    written = (tmp_path / "in-force.ndjson").read_text()
    steps = [json.loads(line) for line in written.splitlines()]
    assert [each["step"] for each in steps] == ["arm", "armed", "heal", "healed"]
    assert steps[0]["fault"]["rules"][0]["instead"]["body"] == "another"


async def test_without_a_relay_it_is_not_in_force_and_there_is_nothing_to_heal(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (_running, injector):
        armed = await injector.inject(injection(OTHER))
        assert not armed.in_force
        assert "no relay stands on it" in armed.evidence
        assert (await injector.heal("it")).verified
        assert injector.in_force == ()


def test_it_says_what_it_does() -> None:
    assert OTHER.describe() == "other answers (GET /: replaced)"
