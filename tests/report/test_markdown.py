from __future__ import annotations

from dataclasses import replace

from harness.model.events import Event, FindingMade
from harness.report import markdown
from tests.report import journals


def test_the_worst_comes_first() -> None:
    text = markdown.render(journals.failing())
    headings = [line.split(":")[0] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## ✕ FAIL",
        "## ✕ FAIL",
        "## ✕ FAIL",
        "## ? UNKNOWN",
        "## Edges",
        "## Experiments",
        "## Phases",
    ]
    assert text.index("nobody charged twice") < text.index("availability: browse") < text.index("POST /quotes")


def test_experiments_are_listed_worst_first() -> None:
    text = markdown.render(journals.failing())
    rows = [line for line in text.splitlines() if line.startswith("| ") and " under " in line]
    verdicts = [row.split(" | ")[2] for row in rows]
    assert verdicts == ["✕ **FAIL**"] * 2 + ["? **UNKNOWN**"] + ["✓ **PASS**"] * 5


def test_the_verdict_heads_it() -> None:
    assert markdown.render(journals.clean()).startswith("# ✓ PASS: shop\n")
    assert markdown.render(journals.cut()).startswith("# ? UNKNOWN: shop\n")


def test_it_stays_within_its_limit_and_says_what_is_left_out() -> None:
    finding = replace(journals.AVAILABILITY_FAIL, evidence=("é" * 5_000,) * 50)
    events: list[Event] = [journals.HEADER, *(FindingMade(t=1, finding=finding) for _ in range(60))]
    text = markdown.render(events)
    assert len(text.encode()) <= markdown.MAX_BYTES
    assert "more parts left out: see the report." in text
    assert len(markdown.render(events, limit=2_000).encode()) <= 2_000


def test_text_cannot_become_markup() -> None:
    text = markdown.render(journals.hostile("<img src=x> | `tick` [a](b) *b*"))
    outside = [line for line in text.splitlines() if not line.startswith(("```", "<img"))]
    assert not any("<img" in line for line in outside)
    assert r"&lt;img src=x&gt; \| \`tick\` \[a\](b) \*b\*" in text


def test_evidence_cannot_end_its_block() -> None:
    text = markdown.render(journals.hostile("before\n```\n# after"))
    assert "````text\nbefore\n```\n# after\n````" in text
