from __future__ import annotations

import json

from harness.model.run_compared import RunChange, RunComparison, Turn
from harness.report.run_compare import MAX_OF_A_KIND, compared_json, compared_text


def change(turn: Turn, name: str = "x") -> RunChange:
    return RunChange(kind="cell", name=name, turn=turn, before="PASS", after="FAIL", certainty="A once")


def comparison(*changes: RunChange) -> RunComparison:
    return RunComparison(changes=changes, trouble=(), remarks=("their seeds differ",), error=0.05, allowed=0.05)


def test_the_worst_comes_first_and_what_is_as_before_is_only_counted() -> None:
    text = compared_text(comparison(change(Turn.BETTER), change(Turn.ALIKE), change(Turn.WORSE)), before="a", after="b")
    assert text.index("worse:") < text.index("better:")
    assert "✕ cell x: PASS → FAIL (A once)" in text
    assert text.endswith("Worse: 1 worse, 1 better, 1 as before.")


def test_many_changes_are_cut_and_the_rest_is_counted() -> None:
    text = compared_text(comparison(*[change(Turn.WORSE)] * (MAX_OF_A_KIND + 3)), before="a", after="b")
    assert "and 3 more of cell: --format json tells all" in text


def test_names_from_a_journal_do_not_drive_the_terminal() -> None:
    assert "\x1b" not in compared_text(comparison(change(Turn.WORSE, "\x1b[31m")), before="a", after="b")


def test_programs_get_everything_and_the_exit_code() -> None:
    told = json.loads(compared_json(comparison(change(Turn.ALIKE)), before="a", after="b"))
    assert (told["verdict"], told["exit_code"], told["changes"][0]["turn"]) == ("PASS", 0, "as before")


def test_nothing_in_common_is_no_pass() -> None:
    assert compared_text(comparison(), before="a", after="b").endswith("Can't tell: nothing could be compared.")
