"""The four session guarantees: the classic anomaly of each, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.observation import Operation, Outcome
from tests.checkers.acting import (
    FOLLOW,
    READS,
    WRITES,
    YOURS,
    act,
    held,
    refuted,
    saw,
    unknown,
    wrote,
)


def test_her_own_write_that_she_does_not_read_back_is_refuted_with_a_timeline() -> None:
    proof = refuted(YOURS, wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), saw("ann", 5, 6, x=1))
    assert proof.reason == (
        "1 of 1 reads of what one had written oneself show something older: get of ann, acknowledged at 6.000 s, "
        "found 1 for x of cart/7, older than her own put of ann, acknowledged at 4.000 s, of 2"
    )
    assert proof.evidence == (
        "3.000 s: ann invokes put of cart/7, x := 2",
        "4.000 s: ann put OK",
        "5.000 s: ann invokes get of cart/7",
        "6.000 s: ann get OK, saw x = 1",
    )


@pytest.mark.parametrize(
    "anomaly",
    [
        [wrote("ann", 1, 2, x=1), saw("ann", 3, 4)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=None), saw("ann", 5, 6, x=1)],
        [wrote("ann", 1, 2, x=1), saw("ann", 3, 4, x=9)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 1, 2, y=1), saw("ann", 3, 4, y=1)],
        [act("ann", 1, 2, writes={"x": 1}, outcome=Outcome.DEGRADED), saw("ann", 3, 4)],
        [act("ben", 1, 2, writes={"x": 5}, outcome=Outcome.FAILED), wrote("ann", 3, 4, x=1), saw("ann", 5, 6, x=5)],
        [wrote("ann", 1, 2, x=1), act("ann", 3, 4, saw={"x": None}, whole=False)],
    ],
    ids=["gone", "back after its removal", "never written", "gone among others", "gone, accepted with a mark",
         "a write that certainly failed", "looked at and absent"],
)  # fmt: skip
def test_what_breaks_read_your_writes(anomaly: list[Operation]) -> None:
    refuted(YOURS, *anomaly)


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ann", 1, 2, x=1), saw("ann", 3, 4, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("ben", 0, 5, x=2), saw("ann", 3, 4, x=2)],
        [wrote("ben", 0, 0.5, x=2), wrote("ann", 1, 2, x=1), saw("ann", 3, 4, x=2)],
        [wrote("ann", 1, None, x=1), wrote("ann", 2, 3, x=2), saw("ann", 4, 5, x=1)],
        [wrote("ann", 1, 4, x=1), wrote("ann", 2, 3, x=2), saw("ann", 5, 6, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 6, x=2), saw("ann", 4, 5, x=2)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 6, x=2), saw("ann", 4, 5, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, None, x=None), saw("ann", 9, 10)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), wrote("ann", 5, 6, x=1), saw("ann", 7, 8, x=1)],
        [wrote("ann", 1, 2, x=1.0), saw("ann", 3, 4, x=1)],
    ],
    ids=["her own", "another's at the same time", "another's, whatever the order", "a late one nobody heard of",
         "two at once, the first last", "her own under way, seen", "her own under way, not seen",
         "a removal nobody heard of", "the same value again", "an equal number"],
)  # fmt: skip
def test_what_does_not_break_read_your_writes(history: list[Operation]) -> None:
    held(YOURS, *history)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [wrote("ann", 1, 2, x=1)],
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 4)],
        [wrote("ann", 1, None, x=1), saw("ann", 3, 4)],
        [wrote("ann", 1, 3, x=1), saw("ann", 2, 4)],
        [wrote("ann", 1, 2, x=1), act("ann", 3, 4, saw={"y": 1}, whole=False)],
        [wrote("ann", 1, 2, x=1), act("ann", 3, 4, saw={}, outcome=Outcome.UNKNOWN)],
        [wrote("ann", 1, 2, x=1), act("ann", 3, 4, saw={}, thing="cart/8")],
        [act("ann", 1, 2, writes={"x": 1}, thing="list/7"), act("ann", 3, 4, saw={}, thing="list/7")],
        [act("", 1, 2, writes={"x": 1}), act("", 3, 4, saw={})],
    ],
    ids=["nothing", "no read", "another reads", "no acknowledgement", "at the same time", "looked elsewhere",
         "a read that failed", "another cart", "no cart", "nobody's"],
)  # fmt: skip
def test_what_puts_read_your_writes_to_no_test(history: list[Operation]) -> None:
    assert unknown(YOURS, *history).reason == "nobody read a cart after writing it"


def test_degraded_answers_may_be_excused() -> None:
    lenient = YOURS.model_copy(update={"degraded": "excused"})
    stale = act("ann", 3, 4, saw={}, outcome=Outcome.DEGRADED)
    refuted(YOURS, wrote("ann", 1, 2, x=1), stale)
    unknown(lenient, wrote("ann", 1, 2, x=1), stale)
    refuted(lenient, wrote("ann", 1, 2, x=1), stale, saw("ann", 5, 6))
    unknown(lenient, act("ann", 1, 2, writes={"x": 1}, outcome=Outcome.DEGRADED), saw("ann", 5, 6))


def test_a_retry_by_the_same_key_is_the_same_operation() -> None:
    first, second = wrote("ann", 1, None, x=1), wrote("ann", 2, 3, x=1)
    tries = [replace(each, once="k1") for each in (first, second)]
    stale = [wrote("ann", 4, 5, x=2), saw("ann", 6, 7, x=1)]
    held(YOURS, first, second, *stale)
    refuted(YOURS, *tries, *stale)
    refuted(YOURS, *tries, saw("ann", 6, 7))
    declined = act("ann", 2, 3, writes={"x": 1}, outcome=Outcome.FAILED)
    unknown(YOURS, *(replace(each, once="k1") for each in (first, declined)), saw("ann", 6, 7))


def test_a_version_that_goes_back_is_refuted_although_no_value_tells() -> None:
    yours, reads = YOURS.model_copy(update={"version": "v"}), READS.model_copy(update={"version": "v"})
    change = act("ann", 1, 2, writes={"x": 1}, value={"v": 7})
    old, new = (act("ann", t, t + 1, saw={"x": 1}, value={"v": v}) for t, v in ((3, 6), (5, 9)))
    assert "found v 6 of cart/7, although put of ann, acknowledged at 2.000 s, had told v 7" in (
        refuted(yours, change, old).reason
    )
    held(yours, change, new)
    high, higher = (act("ann", t, t + 1, saw={}, value={"v": v}) for t, v in ((3, 2**53 - 2), (1, 2**53 - 1)))
    assert "found v 9007199254740990" in refuted(reads, higher, high).reason
    held(reads, change, old, new)
    assert "had told v 9" in refuted(reads, change, new, act("ann", 7, 8, saw={"x": 1}, value={"v": 8})).reason
    held(reads, change, new, act("ben", 7, 8, saw={"x": 1}, value={"v": 8}), saw("ann", 9, 10, x=1))
    unknown(reads, act("ann", 5, 8, saw={}, value={"v": 9}), act("ann", 7, 9, saw={}, value={"v": 8}))


@pytest.mark.parametrize(
    "anomaly",
    [
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), saw("ben", 5, 6, x=2), saw("ben", 7, 8, x=1)],
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 4, x=1), saw("ben", 5, 6)],
        [wrote("ann", 1, None, x=1), saw("ben", 3, 4, x=1), saw("ben", 5, 6)],
        [wrote("ann", 1, 2, x=1), wrote("cem", 1, 2, x=1), saw("ben", 3, 4, x=1), saw("ben", 5, 6)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, None, x=2), saw("ben", 5, 6, x=2), saw("ben", 7, 8, x=1)],
    ],
    ids=["the older after the newer", "gone", "a write nobody heard of, seen and gone", "one of two, gone",
         "the older after one nobody heard of"],
)  # fmt: skip
def test_what_breaks_monotonic_reads(anomaly: list[Operation]) -> None:
    proof = refuted(READS, *anomaly)
    assert "although get of ben" in proof.reason
    assert len(proof.evidence) == 4


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), saw("ben", 5, 6, x=1), saw("ben", 7, 8, x=2)],
        [wrote("ann", 1, 2, x=1), wrote("cem", 3, 4, x=2), saw("ben", 5, 6, x=2), saw("ben", 7, 8, x=1)],
        [wrote("ann", 1, 4, x=1), wrote("ann", 3, 4, x=2), saw("ben", 5, 6, x=2), saw("ben", 7, 8, x=1)],
        [wrote("ann", 1, None, x=1), wrote("ann", 3, 4, x=2), saw("ben", 5, 6, x=2), saw("ben", 7, 8, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 9, x=None), saw("ben", 5, 6, x=1), saw("ben", 7, 8)],
        [wrote("ann", 1, 2, x=1), saw("ben", 3, 6, x=1), saw("ben", 5, 8, x=1), saw("ben", 9, 10, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), wrote("ann", 5, 6, x=1),
         saw("ben", 3, 4, x=2), saw("ben", 7, 8, x=1)],
    ],
    ids=["forward", "of two writers", "of writes at once", "a late one nobody heard of", "removed", "overlapping",
         "the value came again"],
)  # fmt: skip
def test_what_does_not_break_monotonic_reads(history: list[Operation]) -> None:
    held(READS, *history)


def test_reads_that_overlap_are_in_no_order() -> None:
    history = [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), saw("ben", 5, 7, x=2), saw("ben", 6, 8, x=1)]
    unknown(READS, *history)


def test_where_something_may_have_been_there_before_nothing_is_certainly_written() -> None:
    history = [wrote("ann", 1, None, x=3), saw("ben", 3, 4, x=3), saw("ben", 5, 6)]
    refuted(READS, *history)
    unknown(READS.model_copy(update={"begins": "unknown"}), *history)


@pytest.mark.parametrize(
    "anomaly",
    [
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, y=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), wrote("ann", 5, 6, y=1), saw("ben", 5, 6, y=1, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, None, y=1), saw("ben", 5, 6, y=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=None), wrote("ann", 5, 6, y=1), saw("ben", 7, 8, y=1, x=1)],
    ],
    ids=["the second without the first", "with an older first", "a second nobody heard of", "removed and back"],
)  # fmt: skip
def test_what_breaks_monotonic_writes(anomaly: list[Operation]) -> None:
    assert "which ann wrote after put of ann" in refuted(WRITES, *anomaly).reason


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, y=1, x=1)],
        [wrote("ann", 1, 2, x=1), wrote("cem", 1, 9, x=7), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, y=1, x=7)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 2.5, None, x=None), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, y=1)],
    ],
    ids=["both", "overwritten by another", "removed perhaps"],
)
def test_what_does_not_break_monotonic_writes(history: list[Operation]) -> None:
    held(WRITES, *history)


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, x=1)],
        [wrote("ann", 1, 4, x=1), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, y=1)],
        [wrote("ann", 1, None, x=1), wrote("ann", 3, 4, y=1), saw("ben", 5, 6, y=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, y=1), wrote("cem", 0, 1, y=1), saw("ben", 5, 6, y=1)],
        [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, y=1), act("ben", 5, 6, saw={"y": 1}, whole=False)],
    ],
    ids=["the second is late", "at once", "the first was never told done", "it may be another's", "not looked at"],
)
def test_what_puts_monotonic_writes_to_no_test(history: list[Operation]) -> None:
    unknown(WRITES, *history)


def test_an_answer_without_its_question_is_refuted() -> None:
    proof = refuted(
        FOLLOW, wrote("ann", 1, 2, q=1), saw("ben", 3, 4, q=1), wrote("ben", 5, 6, a=1), saw("cem", 7, 8, a=1)
    )
    assert "which ben wrote having found 1 for q (get of ben, acknowledged at 4.000 s): but found nothing" in (
        proof.reason
    )


@pytest.mark.parametrize(
    "history",
    [
        [saw("ben", 3, 4, q=1), wrote("ben", 5, 6, a=1), saw("cem", 7, 8, a=1, q=1)],
        [saw("ben", 3, 4, q=1), wrote("ben", 5, 6, a=1), wrote("ann", 7, 9, q=None), saw("cem", 7, 8, a=1)],
    ],
    ids=["both", "the question is withdrawn"],
)
def test_what_does_not_break_writes_follow_reads(history: list[Operation]) -> None:
    held(FOLLOW, wrote("ann", 1, 2, q=1), *history)


@pytest.mark.parametrize(
    "history",
    [
        [wrote("ben", 5, 6, a=1), saw("cem", 7, 8, a=1)],
        [wrote("ben", 3, 6, a=1), saw("ben", 3, 4, q=1), saw("cem", 7, 8, a=1)],
        [saw("ben", 3, 4, q=1), wrote("ben", 5, 6, a=1), saw("cem", 7, 8)],
        [saw("ben", 3, 4, q=1), wrote("ben", 5, 6, a=1), saw("ben", 7, 8, a=1)],
    ],
    ids=["he had seen nothing", "he had not seen it yet", "neither", "she is the writer herself"],
)
def test_what_puts_writes_follow_reads_to_no_test(history: list[Operation]) -> None:
    unknown(FOLLOW, wrote("ann", 1, 2, q=1), *history)
