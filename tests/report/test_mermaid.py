from __future__ import annotations

from harness.model.events import EdgeFact
from harness.model.verdict import Verdict
from harness.report import mermaid
from harness.report.story import EdgeStory
from harness.report.tell import tell
from tests.report import journals


def edge(consumer: str, provider: str, verdict: Verdict | None = None, need: str = "hard") -> EdgeStory:
    fact = EdgeFact(consumer=consumer, provider=provider, need=need, protocol="http")
    return EdgeStory(fact=fact, name=f"{consumer}->{provider}", verdict=verdict, experiments=(), findings=())


def test_the_worst_edge_comes_first_and_says_its_verdict_in_words() -> None:
    drawn = mermaid.flowchart([edge("a", "b", Verdict.PASS), edge("b", "c"), edge("a", "c", Verdict.FAIL)])
    assert drawn.splitlines() == [
        "```mermaid",
        "flowchart LR",
        '  n0["a"]',
        '  n1["c"]',
        '  n2["b"]',
        '  n0 -->|"✕ FAIL"| n1',
        '  n0 -->|"✓ PASS"| n2',
        "  n2 --> n1",
        "  linkStyle 0 stroke:#c62828,stroke-width:3px",
        "```",
    ]


def test_a_soft_edge_is_dotted() -> None:
    assert '  n0 -.->|"? UNKNOWN"| n1' in mermaid.flowchart([edge("a", "b", Verdict.UNKNOWN, need="soft")])


def test_a_system_without_edges_has_no_drawing() -> None:
    assert not mermaid.flowchart([])


def test_a_name_cannot_leave_its_label_or_end_the_block() -> None:
    drawn = mermaid.flowchart([edge('a"]\n```\n<script>', "end")])
    assert drawn.splitlines()[2] == '  n0["a#34;#93; #96;#96;#96; #60;script#62;"]'
    assert drawn.count("```") == 2


def test_more_edges_than_anybody_reads_are_told_not_drawn() -> None:
    edges = [edge("a", f"b{number}", Verdict.PASS) for number in range(mermaid.MOST_EDGES)]
    drawn = mermaid.flowchart([*edges, edge("a", "worst", Verdict.FAIL)])
    assert drawn.count("-->") == mermaid.MOST_EDGES
    assert '["worst"]' in drawn
    assert 'more["and 1 more edge: see the report"]' in drawn


def test_each_edge_of_a_run_is_drawn_once() -> None:
    story = tell(journals.failing())
    drawn = mermaid.flowchart(story.edges)
    assert drawn.count("->") == len(story.edges) == len(journals.EDGES)


def test_a_text_that_mermaid_would_not_draw_is_never_made() -> None:
    # Each such letter is written in four.
    edges = [edge("<" * 50 + str(number), ">" * 50 + str(number), Verdict.FAIL) for number in range(150)]
    drawn = mermaid.flowchart(edges)
    assert len(drawn) < mermaid.MAX_CHARS + 20
    assert drawn.count("-->") == 75
    assert 'more["and 75 more edges: see the report"]' in drawn
    assert '  n0[" "]' in mermaid.flowchart([edge("", "b")])
