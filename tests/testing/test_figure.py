"""Figures compared with what people write."""

from __future__ import annotations

import pytest

from harness.errors import Inconclusive
from harness.model.quantity import Duration, Share
from harness.testing.figure import Figure

DURING = "during, gateway → recommendations under latency 1 s"


def share(value: float | None, n: int = 212, doubt: str = "") -> Figure:
    return Figure(value=value, quantity=Share, n=n, circumstances=DURING, doubt=doubt)


def latency(value: float | None, n: int = 212) -> Figure:
    return Figure(value=value, quantity=Duration, n=n, circumstances="no fault in force")


def test_a_share_compares_with_a_percentage() -> None:
    figure = share(0.187)

    assert [figure < "1%", figure <= "18.7%", figure > "1%", figure >= "20%"] == [False, True, True, False]


def test_a_latency_compares_with_a_duration() -> None:
    figure = latency(0.312)

    assert [figure < "800ms", figure < "0.3s", figure > "312ms", figure <= Duration(0.312)] == [
        True,
        False,
        False,
        True,
    ]


def test_the_text_may_stand_first() -> None:
    figure = share(0.187)

    one, twenty = "1%", "20%"

    assert [one < figure, twenty <= figure] == [True, False]


def test_equal_is_what_is_shown_alike() -> None:
    third = share(1 / 3)

    assert [third == "33.3%", third != "33.3%", third == "33%"] == [True, False, False]


def test_a_figure_compares_with_another_of_its_kind() -> None:
    assert latency(0.312) < latency(0.9)
    assert not share(0.2) < share(0.1)


def test_it_tells_what_it_was_taken_from() -> None:
    assert repr(share(0.187)) == f"18.7% ({DURING}, n = 212)"
    assert repr(latency(0.3123)) == "312 ms (no fault in force, n = 212)"
    assert repr(share(None, n=0)) == f"nothing ({DURING}, n = 0)"


def test_a_comparison_is_told_in_the_order_of_its_sides() -> None:
    figure = share(0.187)

    assert figure.explained("<", "1%") == f"18.7% < 1% ({DURING}, n = 212)"
    assert figure.explained(">", "1%", other_first=True) == f"1% > 18.7% ({DURING}, n = 212)"
    assert latency(0.9).explained("<", latency(0.3, n=99)) == (
        "900 ms < 300 ms (no fault in force, n = 212) against (no fault in force, n = 99)"
    )


def test_thirty_samples_are_enough() -> None:
    assert share(0.0, n=30) < "1%"


@pytest.mark.parametrize(
    "figure",
    [share(0.0, n=29), share(None, n=0), latency(None, n=0), share(0.0, doubt="nothing crossed")],
    ids=["29 samples", "no samples", "no good answer", "a doubt"],
)
def test_what_proves_nothing_is_inconclusive_and_no_assertion_s_failure(figure: Figure) -> None:
    with pytest.raises(Inconclusive) as raised:
        assert figure < ("1%" if figure.quantity is Share else "1s")

    assert not isinstance(raised.value, AssertionError)
    assert figure.circumstances in str(raised.value)


def test_the_other_figure_must_be_proved_too() -> None:
    with pytest.raises(Inconclusive, match="found 3"):
        assert share(0.1) < share(0.2, n=3)


@pytest.mark.parametrize("other", [0.01, None, Duration(1), latency(1.0)], ids=str)
def test_it_does_not_compare_with_what_is_no_share(other: object) -> None:
    with pytest.raises(TypeError, match="expected something like '1%'"):
        assert share(0.1) < other


def test_a_text_that_is_no_percentage_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a percentage such as '1%'"):
        assert share(0.1) < "1s"


def test_a_figure_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="compare it"):
        assert not share(0.0)
