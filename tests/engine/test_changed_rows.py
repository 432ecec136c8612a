"""Final reads as they are written down: no row twice, and all that was there can be told from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from harness.engine.changed_rows import ChangedRows
from harness.model.observation import FinalRead

Row = dict[str, JsonValue]
TEA: Row = {"order": 1, "status": "pending"}
DONE: Row = {"order": 1, "status": "confirmed"}


def read(*rows: Row, error: str = "") -> FinalRead:
    return FinalRead(name="orders", t=0.0, rows=rows, error=error)


def counted(rows: Iterable[Row]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


def test_what_did_not_change_is_not_written_again() -> None:
    changed = ChangedRows()
    assert changed.of([read(TEA)]) == (read(TEA),)
    (second,) = changed.of([read(TEA, {"order": 2, "status": "pending"})])
    assert (second.rows, second.same, second.gone) == (({"order": 2, "status": "pending"},), 1, ())


def test_a_row_that_changed_is_new_and_the_old_one_gone() -> None:
    changed = ChangedRows()
    changed.of([read(TEA)])
    (second,) = changed.of([read(DONE)])
    assert (second.rows, second.same, second.gone) == ((DONE,), 0, (TEA,))


def test_a_row_that_is_there_twice_is_told() -> None:
    changed = ChangedRows()
    changed.of([read(TEA)])
    (second,) = changed.of([read(TEA, TEA)])
    assert (second.rows, second.same, second.gone) == ((TEA,), 1, ())


def test_a_read_that_failed_says_so_and_changes_nothing() -> None:
    changed = ChangedRows()
    changed.of([read(TEA)])
    assert changed.of([read(error="away")]) == (read(error="away"),)
    (third,) = changed.of([read(TEA)])
    assert (third.rows, third.same) == ((), 1)


@given(st.lists(st.lists(st.sampled_from([TEA, DONE, {"order": 2}, {}])), max_size=6))
def test_what_was_there_can_be_told_from_what_is_written(reads: list[list[Row]]) -> None:
    changed, known = ChangedRows(), Counter[str]()
    for rows in reads:
        (told,) = changed.of([read(*rows)])
        assert told.same + len(told.rows) == len(rows)
        known = known - counted(told.gone) + counted(told.rows)
        assert known == counted(rows)
