from __future__ import annotations

import pytest

from harness.report import words


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, words.NOTHING),
        (0.0, "0 s"),
        (0.00042, "0.4 ms"),
        (0.0123, "12 ms"),
        (0.9996, "1.00 s"),
        (3.2, "3.20 s"),
        (38.04, "38.0 s"),
        (125.0, "2 min 05 s"),
        (3725.0, "1 h 02 min"),
    ],
)
def test_a_time_is_told_in_its_best_unit(value: float | None, told: str) -> None:
    assert told == words.seconds(value)


@pytest.mark.parametrize(
    ("part", "whole", "told"), [(0, 0, words.NOTHING), (0, 9, "0%"), (9, 9, "100%"), (187, 1000, "18.7%")]
)
def test_a_share_is_told_in_per_cent(part: int, whole: int, told: str) -> None:
    assert told == words.share(part, whole)


def test_all_but_one_is_not_told_as_all() -> None:
    assert words.share(99_999, 100_000) != "100%"
    assert words.share(1, 100_000) != "0%"


def test_times_of_day_are_utc() -> None:
    assert words.utc("2026-05-04T12:20:30+02:00", 1.0) == "2026-05-04T10:20:31Z"
    assert words.utc("2026-05-04T10:20:30") == "2026-05-04T10:20:30Z"


def test_words_are_listed() -> None:
    assert tuple(map(words.listed, ([], ["a"], ["a", "b"], ["a", "b", "c"]))) == ("", "a", "a and b", "a, b and c")


def test_controls_are_written_out_and_everything_else_is_kept() -> None:
    assert words.printable("\x1b[31m\x00\ud800 é\t\n→") == "\\x1b[31m\\x00\\xd800 é\t\n→"


def test_one_line_of_a_text_is_shortened() -> None:
    assert words.first_line("abcdefgh\nsecond", 4) == "abc…"
    assert words.first_line("abcd\nsecond", 4) == "abcd"
