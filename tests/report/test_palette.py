from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from harness.report.palette import CONTRASTS, DARK, LIGHT, contrast
from harness.report.style import stylesheet


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert pytest.approx(21.0) == contrast("#000000", "#ffffff")
    assert pytest.approx(1.0) == contrast("#123456", "#123456")


def test_a_grey_just_below_the_limit_is_told_apart() -> None:
    assert contrast("#777777", "#ffffff") < 4.5 < contrast("#767676", "#ffffff")


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), CONTRASTS)
def test_everything_stays_readable(colours: Mapping[str, str], front: str, ground: str, least: float) -> None:
    assert contrast(colours[front], colours[ground]) >= least


def test_both_schemes_name_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_every_colour_that_the_stylesheet_uses_is_defined() -> None:
    assert set() == set(re.findall(r"var\(--([\w-]+)\)", stylesheet())) - set(LIGHT)


def test_the_stylesheet_takes_its_colours_from_the_palette_only() -> None:
    rules = stylesheet().split("*,*::before", 1)[1]
    assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;}\s])", rules) == []


def test_the_stylesheet_can_stand_inside_a_style_element() -> None:
    assert "<" not in stylesheet()
    assert stylesheet().count("{") == stylesheet().count("}")
