from __future__ import annotations

import json

from harness.model.run_history import RunHistory, RunLine, ThingHistory, Trend
from harness.model.verdict import Verdict
from harness.report.history import history_json, history_text

PASS, FAIL = Verdict.PASS, Verdict.FAIL


def line(verdict: Verdict | None) -> RunLine:
    return RunLine(run="r", wall="2026-01-01T00:00:00Z", where="r/journal.ndjson", verdict=verdict, counts={PASS: 2})


def thing(name: str, *verdicts: Verdict | None, changes: int = 0, trend: Trend = Trend.UNTOLD) -> ThingHistory:
    return ThingHistory(
        kind="cell", name=name, verdicts=verdicts, changes=changes, chances=2, flaky_in=0,
        recovery_s=(1.0, None, 3.0), trend=trend,
    )  # fmt: skip


def history(*things: ThingHistory) -> RunHistory:
    return RunHistory(system="shop", runs=(line(PASS), line(None), line(FAIL)), things=things)


def test_runs_and_what_is_not_simply_green_are_told() -> None:
    restless = thing("restless", PASS, FAIL, PASS, changes=2)
    text = history_text([history(thing("red", PASS, None, FAIL), restless, thing("green", PASS, PASS, PASS))])
    assert "shop: 3 runs, oldest first" in text
    assert "? cut short" in text
    assert "✓·✕  cell red; well again after 3.00 s (median 2.00 s, worst 3.00 s of 2; too few runs)" in text
    assert "changed 2 of 2 times" in text
    assert "cell green" not in text
    assert "1 restless" in text


def test_a_green_thing_that_takes_longer_and_longer_is_told() -> None:
    assert "cell slow" in history_text([history(thing("slow", PASS, PASS, PASS, trend=Trend.RISING))])


def test_programs_get_the_green_ones_too() -> None:
    told = json.loads(history_json([history(thing("green", PASS, PASS, PASS))]))
    assert told["systems"][0]["things"][0]["name"] == "green"
