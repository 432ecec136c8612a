"""The consumers and providers of a run as a matrix, and which service may go live beside the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from harness.model.events import PactVersions
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict, worst
from harness.report.markup import Markup, el, joined
from harness.report.parts import Cell, Row, card, chip, head, table, text
from harness.report.story import RunStory, edge_key
from harness.report.words import BADNESS, MARKS, NOTHING, edge_label, listed

Pairs = Mapping[tuple[str, str], Sequence[Finding]]
Versions = Mapping[tuple[str, str], PactVersions]

NOBODY_KNOWS = "version not known"


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
    versions = story.versions
    columns = (text(_named(each, _as_provider(versions, each), told=bool(versions))) for each in providers)
    services = [*consumers, *(each for each in providers if each not in consumers)]
    rows = [
        Row(
            cells=(
                head(_named(name, _as_consumer(versions, name), told=bool(versions))),
                text(_live(pairs, name, versions)),
                *(_cell(pairs, name, each, anchors, versions) for each in providers),
            )
        )
        for name in services
    ]
    words = (
        "How many interactions of each pact hold: consumers below one another, providers side by side. "
        "A service may go live beside the others, all as they stood in this run, when its own pacts and those of its "
        "consumers hold; harness can-i-deploy asks that of other versions."
    )
    words += "" if versions else " This journal tells no versions."
    made = table("", (text("Service"), text("May go live?"), *columns), rows, stacks=False, label="Pacts")
    return card(el("p", {"class": "soft small"}, words), el("div", {"class": "steep"}, made))


def pair_label(versions: Versions, edge: str) -> str:
    """`gateway 1.4 → catalog 2.0`; without versions where the journal tells none at all."""
    consumer, _, provider = edge.partition("->")
    found = versions.get((consumer, provider))
    if not versions or not provider:
        return edge_label(edge)
    both = (found.consumer_version, found.provider_version) if found else ("", "")
    return f"{consumer} {both[0] or f'({NOBODY_KNOWS})'} → {provider} {both[1] or f'({NOBODY_KNOWS})'}"


def _named(name: str, versions: Iterable[str], *, told: bool) -> Markup:
    """A service with its versions, or with the words that nobody knows any; only its name where none are told."""
    known = ", ".join(sorted({each for each in versions if each})) or NOBODY_KNOWS
    return joined([name, el("div", {"class": "soft small"}, known)]) if told else joined([name])


def _as_consumer(versions: Versions, name: str) -> Sequence[str]:
    found = [each.consumer_version for each in versions.values() if each.consumer == name]
    return found or _as_provider(versions, name)


def _as_provider(versions: Versions, name: str) -> Sequence[str]:
    return [each.provider_version for each in versions.values() if each.provider == name]


def _cell(pairs: Pairs, consumer: str, provider: str, anchors: Mapping[str, str], versions: Versions) -> Cell:
    found = pairs.get((consumer, provider))
    if not found:
        return text(NOTHING)
    verdict = worst([each.verdict for each in found if not each.excused] or [Verdict.PASS])
    wrong = sum(each.verdict is not Verdict.PASS for each in found)
    words = f"{MARKS[verdict]} {f'{wrong} of ' if wrong else ''}{len(found)}"
    edge = f"{consumer}->{provider}"
    attributes = {"class": f"chip {verdict.lower()}", "title": f"{pair_label(versions, edge)}: {verdict}"}
    anchor = anchors.get(edge)
    return text(el("a", {**attributes, "href": f"#{anchor}"}, words) if anchor else el("span", attributes, words))


def _live(pairs: Pairs, name: str, versions: Versions) -> Markup:
    mine = {pair: found for pair, found in pairs.items() if name in pair}
    bad = {
        pair: worst([each.verdict for each in found])
        for pair, found in mine.items()
        if any(each.verdict is not Verdict.PASS and not each.excused for each in found)
    }
    if not bad:
        return chip(Verdict.PASS)
    verdict = min(bad.values(), key=BADNESS.__getitem__)
    others = listed(dict.fromkeys(_other(pair, name, versions) for pair in bad if set(pair) != {name}))
    words = "not proved beside" if verdict is Verdict.UNKNOWN else "not beside"
    return joined([chip(verdict), f" {words} {others}"])


def _other(pair: tuple[str, str], name: str, versions: Versions) -> str:
    """The other side of a pact, with its version where that is known."""
    consumer, provider = pair
    found = versions.get(pair)
    if consumer == name:
        return f"{provider} {found.provider_version if found else ''}".rstrip()
    return f"{consumer} {found.consumer_version if found else ''}".rstrip()
