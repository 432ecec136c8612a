from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.model.events import EdgeFact
from harness.model.verdict import Verdict
from harness.report import charts, svg
from harness.report.charts import Frame, Lane
from harness.report.graph import edge_graph
from harness.report.markup import Ids, Markup, el, escaped
from harness.report.story import EdgeStory
from harness.report.timeline import Bin
from tests.report import journals
from tests.report.page import Page

FRAME = Frame(start=-8, end=22, zero=100, lanes=(Lane(start=0, end=12, what="a → b under down"),), recovered=14.0)


def bins(values: Sequence[float | None]) -> list[Bin]:
    return [
        Bin(start=92 + index, step_s=1, ok=5, degraded=2, failed=1, unknown=1, p50_s=value, p99_s=value)
        for index, value in enumerate(values)
    ]


def test_a_log_scale_puts_decades_at_equal_distances() -> None:
    scale = svg.Scale(low=0.001, high=1, at_low=90, at_high=0, logarithmic=True)
    assert [round(scale(value)) for value in (0.001, 0.01, 0.1, 1)] == [90, 60, 30, 0]


def test_a_value_outside_its_scale_stands_at_the_end() -> None:
    scale = svg.Scale(low=0, high=1, at_low=10, at_high=0)
    assert (scale(-5), scale(5)) == (10, 0)


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    path = svg.line_path([(0, 0), (1, 1), None, (3, 3), (4, 4), None, (6, 6)])
    assert len(re.findall(r"M\d", path)) == 3


def test_boxes_without_height_are_left_out() -> None:
    assert svg.box_path([(1, 2, 3, 4), (5, 6, 7, 0)]) == "M1 2h3v4h-3z"


@pytest.mark.parametrize(("high", "ticks"), [(10, [0, 5, 10]), (17.6, [0, 5, 10, 15]), (1.1, [0, 0.5, 1])])
def test_ticks_are_round(high: float, ticks: list[float]) -> None:
    assert pytest.approx(ticks) == list(svg.linear_ticks(high))


def test_ticks_of_time_hold_the_start_of_the_fault() -> None:
    assert list(svg.second_ticks(-8, 22)) == [-5, 0, 5, 10, 15, 20]


def test_decades_hold_all_values() -> None:
    assert pytest.approx([0.01, 0.1, 1.0]) == list(svg.decade_ticks(0.013, 0.6))
    assert pytest.approx([0.01, 0.1]) == list(svg.decade_ticks(0.01, 0.1))


@pytest.mark.parametrize("values", [[], [None, None], [0.01], [0.5] * 30, [None, 0.02, None, 130.0]])
def test_every_chart_can_be_drawn_and_described(values: Sequence[float | None]) -> None:
    ids = Ids()
    drawn = [
        charts.latency_chart(ids, FRAME, "browse", bins(values), [("p99 objective 500 ms", 0.5)]),
        charts.share_chart(ids, FRAME, "browse", bins(values)),
        charts.rate_chart(ids, FRAME, "browse", bins(values)),
    ]
    for chart in drawn:
        page = Page(chart)
        assert page.trouble == []
        assert {"title", "desc"} <= set(page.tags)
        assert set() == set(page.labels) - set(page.ids)
        assert "a → b under down from 0 s to 12 s. Well again at 14.0 s." in page.text
        assert not re.search(r"[^a-z](nan|inf)[^a-z]", chart)


def test_classes_of_trouble_differ_by_pattern_and_not_only_by_colour() -> None:
    chart = charts.share_chart(Ids(), FRAME, "browse", bins([0.1] * 3))
    assert all(f'class="box {shape}"' in chart for shape in ("failed", "lost", "degraded"))
    assert {"tile-degraded", "tile-lost"} <= set(Page(charts.patterns()).ids)


def test_a_chart_without_trouble_says_so() -> None:
    calm = [replace(each, degraded=0, failed=0, unknown=0) for each in bins([0.1])]
    assert ">none</text>" in charts.share_chart(Ids(), FRAME, "browse", calm)


def edge(consumer: str, provider: str, verdict: Verdict | None = None, protocol: str = "http") -> EdgeStory:
    fact = EdgeFact(consumer=consumer, provider=provider, need="soft", protocol=protocol)
    return EdgeStory(fact=fact, name=f"{consumer}->{provider}", verdict=verdict, experiments=(), findings=())


def test_every_service_and_verdict_is_in_the_drawing() -> None:
    edges = [edge(fact.consumer, fact.provider, Verdict.FAIL, fact.protocol) for fact in journals.EDGES]
    page = Page(edge_graph(Ids(), edges, journals.OWNERS))
    assert page.trouble == []
    assert len(edges) == page.text.count("✕")
    assert all(f"{name}, owner {owner}" in page.text for name, owner in journals.OWNERS.items())


def test_a_cycle_of_soft_edges_can_be_drawn() -> None:
    drawn = edge_graph(Ids(), [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("b", "b")], {})
    assert drawn.count('class="edge untold soft"') == 4


def test_no_edges_no_drawing() -> None:
    assert edge_graph(Ids(), [], {}) == ""


def test_text_is_escaped_and_markup_is_not() -> None:
    assert el("b", {"title": '"<'}, "<i>", el("i")) == '<b title="&quot;&lt;">&lt;i&gt;<i></i></b>'
    assert isinstance(escaped("<"), Markup)


def test_ids_are_given_once() -> None:
    ids = Ids()
    assert [ids.take("A", "b!"), ids.take("a b"), ids.take("→")] == ["a-b", "a-b-2", "part"]
