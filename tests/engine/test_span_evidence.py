from __future__ import annotations

from pathlib import Path

from harness.engine.span_evidence import LOG_LINES, LOG_TAIL_BYTES, lines_with, traces_in
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict

TRACE, OTHER = "a" * 32, "b" * 32


def test_the_traces_of_a_finding_are_those_that_it_shows() -> None:
    finding = Finding(
        check="availability",
        part=Part.RESILIENCE,
        verdict=Verdict.FAIL,
        reason="",
        subject="browse",
        evidence=("7 times GET /x", "whose fault: …", f"trace {TRACE}:", "  customers → gateway"),
    )
    assert list(traces_in(finding)) == [TRACE]


def test_lines_of_logs_that_name_a_trace_are_found_with_their_instance(tmp_path: Path) -> None:
    (tmp_path / "orders-1.log").write_text(
        f'{{"trace": "{TRACE}", "message": "gave up"}}\nelse\n' + f"{OTHER}\n" * 9, encoding="utf-8"
    )
    (tmp_path / "payments-1.log").write_bytes(TRACE.encode() + b"\n" + bytes(LOG_TAIL_BYTES) + b"\n\xff end\n")
    found = lines_with(tmp_path, [TRACE, OTHER])
    assert found[TRACE] == [f'log of orders-1: {{"trace": "{TRACE}", "message": "gave up"}}']
    assert len(found[OTHER]) == LOG_LINES
    assert lines_with(tmp_path / "nowhere", [TRACE]) == {TRACE: []}
