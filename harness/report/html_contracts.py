"""The consumers and providers of a run as a matrix, and which service may go live beside the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict, worst
from harness.report.markup import Markup, el, joined
from harness.report.parts import Cell, Row, card, chip, head, table, text
from harness.report.story import RunStory, edge_key
from harness.report.words import BADNESS, MARKS, NOTHING, listed

Pairs = Mapping[tuple[str, str], Sequence[Finding]]


def pact_matrix(story: RunStory, anchors: Mapping[str, str]) -> Markup:
    """Rows of consumers, columns of providers; each cell leads to its interactions by `anchors`, of edges.

    Nothing when no pact was verified.
    """
    pairs: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for each in story.part(Part.PACTS):
        consumer, _, provider = edge_key(each.finding.edge).partition("->")
        if provider:
            pairs[consumer, provider].append(each.finding)
    if not pairs:
        return Markup()
    providers = sorted({provider for _, provider in pairs})
    consumers = sorted({consumer for consumer, _ in pairs})
    heads = (text("Service"), text("May go live?"), *(text(each) for each in providers))
    services = [*consumers, *(each for each in providers if each not in consumers)]
    rows = [
        Row(cells=(head(name), text(_live(pairs, name)), *(_cell(pairs, name, each, anchors) for each in providers)))
        for name in services
    ]
    words = (
        "How many interactions of each pact hold: consumers below one another, providers side by side. "
        "A service may go live beside the others, all as they stood in this run, when its own pacts and those of its "
        "consumers hold; harness can-i-deploy asks that of other versions."
    )
    listed = table("", heads, rows, stacks=False, label="Pacts")
    return card(el("p", {"class": "soft small"}, words), el("div", {"class": "steep"}, listed))


def _cell(pairs: Pairs, consumer: str, provider: str, anchors: Mapping[str, str]) -> Cell:
    found = pairs.get((consumer, provider))
    if not found:
        return text(NOTHING)
    verdict = worst([each.verdict for each in found if not each.excused] or [Verdict.PASS])
    wrong = sum(each.verdict is not Verdict.PASS for each in found)
    words = f"{MARKS[verdict]} {f'{wrong} of ' if wrong else ''}{len(found)}"
    attributes = {"class": f"chip {verdict.lower()}", "title": f"{consumer} → {provider}: {verdict}"}
    anchor = anchors.get(f"{consumer}->{provider}")
    return text(el("a", {**attributes, "href": f"#{anchor}"}, words) if anchor else el("span", attributes, words))


def _live(pairs: Pairs, name: str) -> Markup:
    mine = {pair: found for pair, found in pairs.items() if name in pair}
    bad = {
        pair: worst([each.verdict for each in found])
        for pair, found in mine.items()
        if any(each.verdict is not Verdict.PASS and not each.excused for each in found)
    }
    if not bad:
        return chip(Verdict.PASS)
    verdict = min(bad.values(), key=BADNESS.__getitem__)
    others = listed(dict.fromkeys(other for pair in bad for other in pair if other != name))
    words = "not proved beside" if verdict is Verdict.UNKNOWN else "not beside"
    return joined([chip(verdict), f" {words} {others}"])
