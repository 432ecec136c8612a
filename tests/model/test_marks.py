from __future__ import annotations

from harness.model.marks import RUN, mark_lines, run_marks, with_marks


def test_the_marks_name_the_run() -> None:
    assert run_marks("run-7") == {"Harness-Run": "run-7", "baggage": "harness.run=run-7"}
    assert run_marks("") == {}


def test_baggage_that_is_there_stays() -> None:
    marked = with_marks({"Baggage": "user=1", "harness-run": "forged", "A": "b"}, run_marks("r"))
    assert marked == {"Baggage": "user=1,harness.run=r", "harness-run": "r", "A": "b"}
    assert with_marks(marked, run_marks("r")) == marked


def test_lines_of_a_head_carry_the_run_that_is_under_way() -> None:
    assert not mark_lines()
    token = RUN.set("r")
    assert mark_lines() == "Harness-Run: r\r\nbaggage: harness.run=r\r\n"
    RUN.reset(token)
