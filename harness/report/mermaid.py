"""The system's edges as a Mermaid flowchart, which GitHub and GitLab draw where Markdown is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model.verdict import Verdict
from harness.report.story import EdgeStory
from harness.report.words import BADNESS, MARKS, count, printable

MOST_EDGES = 200
"""Mermaid draws at most 500, and what has so many nobody reads."""
MAX_CHARS = 50_000
"""Of a longer text Mermaid draws nothing."""

_MAX_LABEL = 60
_WEIGHTS = {Verdict.FAIL: "stroke:#c62828,stroke-width:3px", Verdict.UNKNOWN: "stroke:#9a6700,stroke-width:2px"}
_ENTITIES = {
    **{each: f"#{ord(each)};" for each in "#\"'`<>&|[](){}\\;%"},
    "\n": " ",
    "\t": " ",
}


def flowchart(edges: Sequence[EdgeStory]) -> str:
    """The drawing as a fenced block: soft edges dotted, the verdict on each that was judged; empty without edges."""
    if not edges:
        return ""
    kept = sorted(edges, key=_badness)[:MOST_EDGES]
    while len(drawn := "\n".join(["flowchart LR", *_lines(kept, len(edges) - len(kept))])) > MAX_CHARS:
        kept = kept[: len(kept) // 2]
    return f"```mermaid\n{drawn}\n```"


def _lines(edges: Sequence[EdgeStory], left_out: int) -> Iterator[str]:
    names = dict.fromkeys(name for each in edges for name in (each.fact.consumer, each.fact.provider))
    keys = {name: f"n{index}" for index, name in enumerate(names)}
    yield from (f'  {key}["{_label(name)}"]' for name, key in keys.items())
    for each in edges:
        arrow = "-.->" if each.fact.need == "soft" else "-->"
        told = f'|"{MARKS[each.verdict]} {each.verdict}"|' if each.verdict else ""
        yield f"  {keys[each.fact.consumer]} {arrow}{told} {keys[each.fact.provider]}"
    for index, each in enumerate(edges):
        if each.verdict in _WEIGHTS:
            yield f"  linkStyle {index} {_WEIGHTS[each.verdict]}"
    if left_out:
        yield f'  more["and {count(left_out, "more edge")}: see the report"]'


def _badness(edge: EdgeStory) -> int:
    return len(BADNESS) if edge.verdict is None else BADNESS[edge.verdict]


def _label(text: str) -> str:
    line = printable(text)
    line = line if len(line) <= _MAX_LABEL else line[: _MAX_LABEL - 1] + "…"
    # Mermaid takes a box without a label for a mistake.
    return "".join(_ENTITIES.get(each, each) for each in line) or " "
