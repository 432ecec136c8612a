"""Lost updates, kept additions, linearizability: what each must refute, and what it must not."""

from __future__ import annotations

import pytest

from harness.model.observation import Operation
from harness.model.quantity import Duration
from tests.checkers.acting import ADDS, ATOMIC, UPDATES, act, held, refuted, saw, unknown, updated, wrote


def test_two_updates_of_the_same_value_are_refuted() -> None:
    proof = refuted(UPDATES, wrote("ann", 0, 1, x=1), updated("ann", 2, 4, x=(1, 2)), updated("ben", 3, 5, x=(1, 3)))
    assert "2 updates found 1 for x of cart/7, which was there 1 times: put of ann" in proof.reason
    refuted(UPDATES, updated("ann", 2, 4, x=(None, 2)), updated("ben", 3, 5, x=(None, 3)))


@pytest.mark.parametrize(
    "history",
    [
        [updated("ann", 2, 4, x=(None, 1)), updated("ben", 5, 6, x=(1, 2))],
        [updated("ann", 2, 4, x=(None, 1)), updated("ben", 3, None, x=(None, 2))],
        [updated("ann", 2, 4, x=(None, 1)), updated("ben", 5, 6, x=(1, None)), updated("ann", 7, 8, x=(None, 1))],
        [wrote("ann", 0, None, x=1), updated("ann", 2, 4, x=(1, 2)), wrote("ben", 0, None, x=1),
         updated("ben", 3, 5, x=(1, 3))],
        [updated("ann", 2, 4, x=(None, 1)), updated("ben", 5, 6, y=(None, 1))],
    ],
    ids=["one after the other", "one nobody heard of", "the value came again", "twice there perhaps", "elsewhere"],
)  # fmt: skip
def test_what_is_no_lost_update(history: list[Operation]) -> None:
    held(UPDATES, *history)


def test_writes_that_saw_nothing_overwrite_each_other_and_lose_nothing() -> None:
    unknown(UPDATES, wrote("ann", 1, 4, x=1), wrote("ben", 2, 3, x=2), saw("ann", 5, 6, x=1))


def test_where_a_value_may_have_been_at_first_it_counts_once_more() -> None:
    twice = [wrote("ann", 0, 1, x=1), updated("ann", 2, 4, x=(1, 2)), updated("ben", 3, 5, x=(1, 3))]
    held(UPDATES.model_copy(update={"begins": "unknown"}), *twice)


@pytest.mark.parametrize(
    "anomaly",
    [
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 4)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 1, 2, y=1), saw("cem", 3, 4, y=1)],
        [wrote("ben", 0, 0.5, x=None), wrote("ann", 1, 2, x=1), saw("ben", 3, 4)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 3, 4, x=2), saw("cem", 5, 6)],
    ],
    ids=["gone", "gone among others", "removed before it was added", "twice added and gone"],
)
def test_an_addition_that_is_missing_is_refuted(anomaly: list[Operation]) -> None:
    assert "did not find x in cart/7" in refuted(ADDS, *anomaly).reason


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 4, x=1)],
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 4, x=5)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 3, 4, x=None), saw("ben", 5, 6)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 1.5, 4, x=None), saw("ben", 5, 6)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 0, None, x=None), saw("ben", 5, 6)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 2, 9, x=None), saw("ben", 5, 6)],
    ],
    ids=["there", "there, changed", "removed", "removed at once", "removed perhaps", "being removed"],
)
def test_an_addition_that_is_there_or_may_have_been_removed(history: list[Operation]) -> None:
    held(ADDS, *history)


def test_an_addition_may_take_its_time_where_that_is_declared() -> None:
    late = [wrote("ann", 1, 2, x=1), saw("ben", 3, 4)]
    unknown(ADDS.model_copy(update={"within": Duration(2)}), *late)
    refuted(ADDS.model_copy(update={"within": Duration(2)}), *late, saw("ben", 4.5, 5))


@pytest.mark.parametrize(
    "anomaly",
    [
        [wrote("ann", 1, 2, x=1), wrote("ben", 3, 4, x=2), saw("cem", 5, 6, x=1)],
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 4)],
        [wrote("ann", 1, 8, x=1), saw("ben", 2, 3, x=1), saw("cem", 4, 5)],
        [wrote("ann", 1, 8, x=1), wrote("ben", 1, 8, x=2), saw("cem", 2, 3, x=1), saw("cem", 4, 5, x=2),
         saw("cem", 6, 7, x=1)],
        [updated("ann", 1, 4, x=(None, 1)), updated("ben", 2, 5, x=(None, 2))],
        [wrote("ann", 1, None, x=1), saw("ben", 2, 3, x=1), wrote("ann", 4, 5, x=2), saw("ben", 6, 7, x=1)],
    ],
    ids=["stale", "lost", "a write seen, then not", "back and forth", "two at once made of the same",
         "a write nobody heard of takes effect twice"],
)  # fmt: skip
def test_what_is_not_linearizable(anomaly: list[Operation]) -> None:
    refuted(ATOMIC, *anomaly)


def test_a_refutation_tells_what_could_have_been_there() -> None:
    proof = refuted(ATOMIC, wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), saw("cem", 5, 6, x=1))
    assert "get of cem, acknowledged at 6.000 s, found 1 for x of cart/7, where by then only 2 could be" in proof.reason
    assert proof.evidence[-1] == "6.000 s: cem get OK, saw x = 1"


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ann", 1, 8, x=1), wrote("ben", 1, 8, x=2), saw("cem", 2, 3, x=1), saw("cem", 4, 5, x=2)],
        [wrote("ann", 1, 8, x=1), saw("ben", 2, 3), saw("cem", 4, 5, x=1)],
        [wrote("ann", 1, None, x=1), wrote("ann", 4, 5, x=2), saw("ben", 6, 7, x=2), saw("ben", 8, 9, x=1)],
        [wrote("ann", 1, None, x=1), wrote("ann", 4, 5, x=2), saw("ben", 6, 7, x=2), saw("ben", 8, 9, x=2)],
        [wrote("ann", 1, 2, x=1), saw("ben", 2, 3)],
        [updated("ann", 1, 4, x=(None, 1)), updated("ben", 2, 5, x=(1, 2)), saw("cem", 6, 7, x=2)],
        [updated("ann", 1, None, x=(None, 1)), updated("ben", 2, 5, x=(1, 2))],
    ],
    ids=["two at once", "seen late", "late, nobody heard of it", "never, nobody heard of it", "at the same moment",
         "updates in turn", "an update nobody heard of"],
)  # fmt: skip
def test_what_is_linearizable(history: list[Operation]) -> None:
    held(ATOMIC, *history)


def test_what_was_at_first_may_be_unknown() -> None:
    lenient = ATOMIC.model_copy(update={"begins": "unknown"})
    history = [saw("ann", 1, 2, x=7), saw("ben", 3, 4, x=7), wrote("ann", 5, 6, x=1), saw("ben", 7, 8, x=1)]
    refuted(ATOMIC, *history)
    held(lenient, *history)
    refuted(lenient, saw("ann", 1, 2, x=7), saw("ben", 3, 4, x=8), wrote("ann", 5, 6, x=1))


def test_a_search_that_takes_too_long_is_no_proof() -> None:
    tight = ATOMIC.model_copy(update={"configurations": 50})
    crowd = [wrote(f"customer {number}", 1, 9, x=number) for number in range(12)]
    late = [saw("ann", 10, 11, x=5), saw("ben", 12, 13, x=4)]
    assert unknown(tight, *crowd, *late).reason.startswith("not decided within 50 configurations: x of cart/7")
    refuted(ATOMIC, *crowd, *late)


def test_another_field_that_is_refuted_counts_although_one_is_undecided() -> None:
    tight = ATOMIC.model_copy(update={"configurations": 50})
    crowd = [act(f"customer {number}", 1, 9, writes={"x": number}, thing="cart/8") for number in range(12)]
    late = [act("ann", 10, 11, saw={"x": 5}, thing="cart/8")]
    refuted(tight, wrote("ann", 0, 0.1, x=1), saw("ann", 0.2, 0.3), *crowd, *late)
