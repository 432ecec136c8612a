"""What follows the end of an exchange at once, and what comes of its own."""

from __future__ import annotations

from harness.proxy.follow_ups import AT_ONCE_S, ENDS_LIMIT, FollowUps


def test_an_exchange_right_after_a_failure_follows_it_and_one_failure_has_one_follower() -> None:
    ends, _ = counted()
    ends.fails()
    ends.begins()
    ends.begins()

    assert (ends.failed, ends.failed_again, ends.answered_again) == (1, 1, 0)


def test_what_comes_later_follows_nothing() -> None:
    ends, clock = counted()
    ends.fails()
    ends.answers(clock[0])
    clock[0] += AT_ONCE_S * 1.01
    ends.begins()

    assert (ends.failed, ends.failed_again, ends.answered_again) == (1, 0, 0)


def test_what_follows_an_answer_is_told_apart() -> None:
    ends, clock = counted()
    ends.answers(clock[0])
    clock[0] += AT_ONCE_S / 2
    ends.begins()
    ends.fails()
    ends.begins()

    assert (ends.failed, ends.failed_again, ends.answered_again) == (1, 1, 1)


def test_a_new_second_begins_at_nothing_and_remembers_what_has_ended() -> None:
    ends, _ = counted()
    ends.fails()
    ends.clear()
    ends.begins()

    assert (ends.failed, ends.failed_again) == (0, 1)


def test_more_ends_than_are_remembered_have_fewer_followers() -> None:
    ends, _ = counted()
    for _each in range(ENDS_LIMIT + 5):
        ends.fails()
    for _each in range(ENDS_LIMIT + 5):
        ends.begins()

    assert (ends.failed, ends.failed_again) == (ENDS_LIMIT + 5, ENDS_LIMIT)


def counted() -> tuple[FollowUps, list[float]]:
    """None yet, and the time in a list that a test may change."""
    clock = [100.0]
    return FollowUps(lambda: clock[0]), clock
