"""The sections of the HTML report that list findings: contracts, fuzzing, safety, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from harness.report.html_contracts import pact_matrix, pair_label
from harness.report.markup import Ids, Markup, joined
from harness.report.parts import card, finding_block, group, passes, undecided
from harness.report.story import RunStory, Told, edge_key
from harness.report.words import BADNESS, count


def contracts(ids: Ids, story: RunStory) -> Markup:
    """What came of the pacts: as a matrix, and by consumer and provider."""
    pairs = dict.fromkeys(edge_key(each.finding.edge) for each in story.part(Part.PACTS) if each.finding.edge)
    anchors = {pair: ids.take("pact", pair) for pair in pairs}
    listed = _grouped(
        story,
        Part.PACTS,
        lambda finding: pair_label(story.versions, edge_key(finding.edge)),
        lambda passed: f"{count(len(passed), 'interaction')} passed",
        {pair_label(story.versions, pair): anchor for pair, anchor in anchors.items()},
    )
    return joined([pact_matrix(story, anchors), listed])


def fuzz(story: RunStory) -> Markup:
    """What came of fuzzing, by service."""
    # One PASS speaks for all operations of a service, and says how many.
    return _grouped(
        story, Part.FUZZ, lambda finding: finding.service, lambda passed: passed[0].reason if passed else "none passed"
    )


def _grouped(
    story: RunStory,
    part: Part,
    key: Callable[[Finding], str],
    words: Callable[[Sequence[Finding]], str],
    anchors: Mapping[str, str] = MappingProxyType({}),
) -> Markup:
    """The findings of a part by consumer and provider, or by service; groups with trouble come first.

    `anchors` gives ids to groups by their names.
    """
    groups: dict[str, list[Told]] = {}
    for each in story.part(part):
        groups.setdefault(key(each.finding) or each.finding.subject, []).append(each)
    ordered = sorted(groups.items(), key=lambda item: (BADNESS[item[1][0].finding.verdict], item[0]))
    made = [group(story, name, told, words(_passed(told)), anchors.get(name, "")) for name, told in ordered]
    return card(*made) if made else Markup()


def _passed(told: Sequence[Told]) -> Sequence[Finding]:
    return [each.finding for each in told if each.finding.verdict is Verdict.PASS]


def safety(story: RunStory) -> Markup:
    """Each experiment judges all invariants, over the run so far: what held is counted once, and how often."""
    told = story.part(Part.SAFETY)
    held = {(each.check, each.subject) for each in _passed(told)}
    times = f"{count(len(held), 'invariant')} held, in {count(len(_passed(told)), 'judgement')} over the run"
    return _listed(story, told, times)


def other(story: RunStory) -> Markup:
    """Findings of no experiment and of no part of their own."""
    told = story.outside_experiments()
    return _listed(story, told, f"{count(len(_passed(told)), 'check')} passed")


def _listed(story: RunStory, told: Sequence[Told], words: str) -> Markup:
    if not told:
        return Markup()
    trouble = [each for each in told if each.finding.verdict is not Verdict.PASS and not each.derived]
    good = [each for each in told if each.finding.verdict is Verdict.PASS]
    blocks = [finding_block(story, each, opened=True) for each in trouble]
    return card(*blocks, undecided(told), passes(good, words))
