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


def test_whoever_reads_the_top_knows_what_was_broken_and_whose_it_is() -> None:
    text = markdown.render(journals.failing())
    top = text[: text.index("| Part |")]
    assert "- Experiment: payments killed and restarted (payments-1 under kill)" in top
    assert "- Owner: **payments**" in top
    assert "## ✕ FAIL: availability: browse in recommendations gone" in text


def test_a_service_that_nobody_owns_is_told() -> None:
    orphan = replace(journals.AVAILABILITY_FAIL, service="ads", owner="")
    text = markdown.render([journals.HEADER, FindingMade(t=1, finding=orphan)])
    assert "- Owner: **nobody is declared as owner of ads**" in text


def test_a_command_says_what_it_is_for() -> None:
    text = markdown.render(journals.failing())
    assert "\n\nReplay:\n\n```text\nharness run" in text
    assert "\n\nWould settle it:\n\n```text\nharness run" in text


def test_evidence_that_is_left_out_is_counted() -> None:
    finding = replace(journals.AVAILABILITY_FAIL, evidence=("x" * 5_000, *("line",) * 40))
    text = markdown.render([journals.HEADER, FindingMade(t=1, finding=finding)])
    assert f"```text\n{'x' * 999}…\nline\n" in text
    assert "line\n… and 11 more lines: see the report\n```" in text
