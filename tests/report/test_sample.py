"""The sample report in the documents: a whole page, small, and of nobody's machine."""

from __future__ import annotations

import re
from pathlib import Path

from tests.report.page import Page

SAMPLE = Path(__file__).parents[2] / "docs" / "sample-report.html"
MAX_BYTES = 1_000_000
ON_A_MACHINE = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)/")


def test_the_sample_is_a_whole_page_of_a_run_under_a_megabyte() -> None:
    source = SAMPLE.read_text(encoding="utf-8")
    page = Page(source)
    assert page.trouble == []
    assert "Resilience report: shop" in page.text
    assert len(source.encode()) < MAX_BYTES


def test_the_sample_tells_no_path_of_the_machine_it_was_made_on() -> None:
    assert ON_A_MACHINE.findall(SAMPLE.read_text(encoding="utf-8")) == []
    assert ON_A_MACHINE.findall("agreed at /home/me/pact.json:4")
