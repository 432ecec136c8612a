from __future__ import annotations

from kit.flags import Flags, position

SUBJECTS = [f"customer-{number}" for number in range(2000)]


def flags(**values: bool | float) -> Flags:
    known = Flags()
    known.take({name.replace("_", "-"): value for name, value in values.items()})
    return known


def test_an_unknown_flag_is_what_the_asker_says() -> None:
    assert not Flags().on("legacy-shadow")
    assert Flags().on("legacy-shadow", default=True)
    assert Flags().share("pricing-canary", 0.1) == 0.1
    assert not Flags().knows("pricing-canary")


def test_on_and_off_are_shares_of_all_and_none() -> None:
    known = flags(a=True, b=False, c=0.0, d=0.2)
    assert [known.share(name) for name in "abcd"] == [1.0, 0.0, 0.0, 0.2]
    assert [known.on(name) for name in "abcd"] == [True, False, False, True]


def test_a_share_of_the_subjects_is_chosen_and_always_the_same_ones() -> None:
    known = flags(pricing_canary=0.1)
    chosen = {subject for subject in SUBJECTS if known.chosen("pricing-canary", subject)}
    assert 140 <= len(chosen) <= 260
    assert chosen == {subject for subject in SUBJECTS if known.chosen("pricing-canary", subject)}


def test_when_a_share_grows_nobody_leaves_it() -> None:
    few, many = flags(canary=0.1), flags(canary=0.4)
    before = {subject for subject in SUBJECTS if few.chosen("canary", subject)}
    after = {subject for subject in SUBJECTS if many.chosen("canary", subject)}
    assert before < after


def test_nobody_is_in_no_share_and_everybody_in_the_whole() -> None:
    nobody, everybody = flags(canary=0.0), flags(canary=1.0)
    assert not any(nobody.chosen("canary", subject) for subject in SUBJECTS)
    assert all(everybody.chosen("canary", subject) for subject in SUBJECTS)


def test_a_subject_keeps_its_variant_and_about_half_have_each() -> None:
    variants = [Flags().variant("pricing-experiment-audio", subject) for subject in SUBJECTS]
    assert variants == [Flags().variant("pricing-experiment-audio", subject) for subject in SUBJECTS]
    assert 900 <= variants.count("a") <= 1100


def test_two_experiments_divide_the_subjects_differently() -> None:
    both = [position("one", subject) < 0.5 and position("two", subject) < 0.5 for subject in SUBJECTS]
    assert 400 <= both.count(True) <= 600
