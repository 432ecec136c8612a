"""The experiments of a run as a matrix: what was broken, in which way, and what came of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from harness.model.fault import Hits
from harness.model.verdict import Verdict
from harness.report.markup import Markup, el, joined
from harness.report.parts import Cell, Row, card, head, table, text
from harness.report.story import ExperimentStory, RunStory
from harness.report.words import MARKS, count, edge_label

_FIGURES = re.compile(r"(?:,? (?:after|of|for|at|by))? \d.*$|\s*\(.*$")
"""What a fault says beyond its kind: `latency 1 s`, `answers truncated after 12 bytes`."""

Found = tuple[ExperimentStory, str]


def tried_matrix(story: RunStory, anchors: Sequence[str]) -> Markup:
    """Rows of edges and instances, columns of kinds, cells that lead to their experiment.

    Nothing of a run that broke nothing, or that has a matrix of its own.
    """
    tried: dict[str, dict[str, list[Found]]] = defaultdict(lambda: defaultdict(list))
    kinds: dict[str, None] = {}
    for each, anchor in zip(story.experiments, anchors, strict=True):
        for injection in () if each.is_probe else each.injections:
            kind = _FIGURES.sub("", injection.fault) or injection.fault
            kinds[kind] = None
            found = tried[injection.edge or injection.target][kind]
            if (each, anchor) not in found:
                found.append((each, anchor))
    if not tried or story.matrix is not None:
        return Markup()
    edges = [each.name for each in story.edges]
    rows = [
        Row(
            cells=(
                head(edge_label(name)),
                *(_cell(tried[name].get(kind, ())) for kind in kinds),
            )
        )
        for name in [*(edge for edge in edges if edge in tried), *sorted(set(tried) - set(edges))]
    ]
    heads = (text("Edge or instance"), *(text(kind) for kind in kinds))
    words = "What was broken in which way by the experiments of this run; each verdict leads to its evidence."
    listed = table("", heads, rows, stacks=False, label="Faults tried")
    return card(
        el("p", {"class": "soft small"}, words), listed, _untested([each for each in edges if each not in tried])
    )


def _cell(found: Sequence[Found]) -> Cell:
    if not found:
        return text(el("span", {"class": "soft small"}, "untested"))
    return text(
        joined(
            (
                el(
                    "a",
                    {
                        "class": f"chip {each.verdict.lower()}",
                        "href": f"#{anchor}",
                        "title": f"{each.name}: {each.verdict}",
                    },
                    _words(each),
                )
                for each, anchor in found
            ),
            " ",
        )
    )


def _words(experiment: ExperimentStory) -> str:
    mark = MARKS[experiment.verdict]
    met = [each.healed.hits for each in experiment.injections if each.healed is not None]
    if experiment.verdict is Verdict.UNKNOWN and met and all(_nothing(each) for each in met):
        return f"{mark} not crossed"
    if experiment.verdict is Verdict.PASS:
        return f"{mark} degraded" if experiment.during()[1] else f"{mark} held"
    return f"{mark} {experiment.verdict}"


def _nothing(hits: Hits | None) -> bool:
    return hits is not None and not (hits.connections or hits.requests or hits.bytes)


def _untested(edges: Sequence[str]) -> Markup:
    if not edges:
        return Markup()
    listed = el("ul", {}, *(el("li", {}, edge_label(each)) for each in edges))
    words = f"{count(len(edges), 'edge')} that no experiment of this run broke by itself: untested"
    inside = el("div", {"class": "inside columned"}, listed)
    return el("details", {}, el("summary", {}, words), inside)
