"""The bounds against published values, and what they promise, by exact enumeration."""

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkers.statistics import (
    allowance,
    beta_cdf,
    binomial_at_least,
    binomial_at_most,
    lower_bound,
    quantile_ranks,
    rise,
    samples_needed,
    settled_by,
    share,
    upper_bound,
)

samples = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
# A busy machine must not fail a test, so no example has a deadline.
quick = settings(max_examples=20, deadline=None)
alphas = st.sampled_from([0.05, 0.01, 1e-3, 1e-5])


def pmf(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize(
    ("bad", "n", "alpha", "lower", "upper"),
    [
        # Clopper-Pearson 95 % intervals as R's binom.test prints them (alpha 0.025 on each side).
        (0, 10, 0.025, 0.0, 0.3084971),
        (1, 10, 0.025, 0.002528579, 0.4450161),
        (5, 100, 0.025, 0.01643188, 0.1128349),
        (50, 100, 0.025, 0.3983211, 0.6016789),
        (10, 10, 0.025, 0.6915029, 1.0),
        # The rule of three: without a bad one, 3 / n at 5 %.
        (0, 300, 0.05, 0.0, 0.009936),
    ],
)
def test_bounds_of_a_share_are_those_of_the_tables(bad: int, n: int, alpha: float, lower: float, upper: float) -> None:
    assert lower_bound(bad, n, alpha) == pytest.approx(lower, rel=1e-4)
    assert upper_bound(bad, n, alpha) == pytest.approx(upper, rel=1e-4)


@quick
@given(st.integers(1, 60), st.floats(0.001, 0.999))
def test_the_tails_are_those_of_the_binomial_distribution(n: int, p: float) -> None:
    for k in range(n + 1):
        exact = math.fsum(pmf(i, n, p) for i in range(k + 1))
        assert binomial_at_most(k, n, p) == pytest.approx(exact, abs=1e-10)
        assert binomial_at_least(k + 1, n, p) == pytest.approx(1 - exact, abs=1e-10)


def test_the_incomplete_beta_function_is_symmetric_and_ends_at_0_and_1() -> None:
    assert (beta_cdf(0, 2, 3), beta_cdf(1, 2, 3)) == (0.0, 1.0)
    assert beta_cdf(0.5, 4, 4) == pytest.approx(0.5)
    assert beta_cdf(0.3, 2, 5) == pytest.approx(1 - beta_cdf(0.7, 5, 2))


@quick
@given(samples, alphas)
def test_bounds_enclose_the_estimate_and_widen_with_less_error(sample: tuple[int, int], alpha: float) -> None:
    bounds = share(*sample, alpha)
    wider = share(*sample, alpha / 2)
    assert 0 <= wider.lower <= bounds.lower <= bounds.estimate <= bounds.upper <= wider.upper <= 1


@quick
@given(samples, alphas)
def test_one_more_bad_sample_never_lowers_a_bound(sample: tuple[int, int], alpha: float) -> None:
    bad, n = sample
    if bad < n:
        assert lower_bound(bad, n, alpha) <= lower_bound(bad + 1, n, alpha)
        assert upper_bound(bad, n, alpha) <= upper_bound(bad + 1, n, alpha)


@quick
@given(st.integers(1, 80), st.floats(0.0, 1.0), st.sampled_from([0.05, 0.01, 1e-3]))
def test_a_bound_misses_the_true_share_no_more_often_than_it_says(n: int, p: float, alpha: float) -> None:
    chance = [pmf(k, n, p) for k in range(n + 1)]
    over = math.fsum(chance[k] for k in range(n + 1) if lower_bound(k, n, alpha) > p)
    under = math.fsum(chance[k] for k in range(n + 1) if upper_bound(k, n, alpha) < p)
    assert over <= alpha * (1 + 1e-9)
    assert under <= alpha * (1 + 1e-9)


@quick
@given(
    st.tuples(st.integers(5, 14), st.integers(5, 14)),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.sampled_from([0.05, 0.01]),
)
def test_a_rise_is_missed_no_more_often_than_it_says(
    sizes: tuple[int, int], p0: float, p1: float, alpha: float
) -> None:
    n0, n1 = sizes
    over = under = 0.0
    for bad, bad0 in product(range(n1 + 1), range(n0 + 1)):
        bounds, chance = rise(bad, n1, bad0, n0, alpha), pmf(bad, n1, p1) * pmf(bad0, n0, p0)
        over += chance if bounds.lower > p1 - p0 else 0.0
        under += chance if bounds.upper < p1 - p0 else 0.0
    assert over <= alpha * (1 + 1e-9)
    assert under <= alpha * (1 + 1e-9)


@pytest.mark.parametrize(("delta", "alpha"), [(0.05, 0.05), (0.05, 1e-5), (0.2, 1e-3), (0.01, 1e-4)])
def test_the_samples_needed_are_just_enough(delta: float, alpha: float) -> None:
    n = samples_needed(delta, alpha)
    assert rise(0, n, 0, 500, alpha).upper < delta
    assert rise(0, n - 1, 0, 500, alpha).upper >= delta


def test_a_stray_bad_one_costs_some_samples_more() -> None:
    n = samples_needed(0.05, 1e-5, bad=1)
    assert samples_needed(0.05, 1e-5) < n
    assert rise(1, n, 0, 500, 1e-5).upper < 0.05 <= rise(1, n - 1, 0, 500, 1e-5).upper


def test_what_would_settle_an_open_question_does_settle_it() -> None:
    enough = settled_by(2, 60, 0, 200, 0.10, 1e-3)
    assert enough is not None
    times = enough // 60
    assert rise(2 * times, 60 * times, 0, 200 * times, 1e-3).upper < 0.10


def test_a_rise_on_the_limit_is_settled_by_no_number_of_samples() -> None:
    assert settled_by(5, 100, 0, 100, 0.05, 1e-3) is None


def test_of_no_samples_nothing_is_known() -> None:
    assert (share(0, 0, 0.05).lower, share(0, 0, 0.05).upper) == (0.0, 1.0)
    assert settled_by(0, 0, 0, 100, 0.05, 1e-3) == samples_needed(0.05, 1e-3)


@pytest.mark.parametrize(("bad", "n", "alpha"), [(-1, 5, 0.1), (6, 5, 0.1), (0, 0, 0.1), (1, 5, 0.0), (1, 5, 1.0)])
def test_impossible_counts_are_refused(bad: int, n: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="expected 0 <= bad <= n"):
        upper_bound(bad, n, alpha)


def test_the_ranks_of_a_median_are_those_of_the_tables() -> None:
    # n = 100, 95 %: the 40th and the 61st smallest (David and Nagaraja; Conover's table).
    assert quantile_ranks(100, 0.5, 0.025) == (40, 61)


def test_too_few_samples_have_no_bound_of_a_high_quantile() -> None:
    assert quantile_ranks(58, 0.95, 0.05)[1] is None
    assert quantile_ranks(59, 0.95, 0.05)[1] == 59


@quick
@given(st.integers(1, 200), st.floats(0.05, 0.99), st.sampled_from([0.05, 0.01, 1e-3]))
def test_a_quantiles_bounds_are_missed_no_more_often_than_they_say(n: int, quantile: float, alpha: float) -> None:
    low, high = quantile_ranks(n, quantile, alpha)
    if low is not None:  # X_(low) is above the quantile when fewer than `low` samples are below it
        assert binomial_at_most(low - 1, n, quantile) <= alpha
    if high is not None:
        assert binomial_at_least(high, n, quantile) <= alpha
        assert low is None or low <= high


def test_the_allowance_is_the_least_that_chance_exceeds_rarely() -> None:
    allowed = allowance(20, 0.05, 0.01)
    assert binomial_at_least(allowed + 1, 20, 0.05) <= 0.01 < binomial_at_least(allowed, 20, 0.05)
