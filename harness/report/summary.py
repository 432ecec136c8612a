"""The few sentences and counts that every report begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict, worst
from harness.report.story import ExperimentStory, RunStory, Told
from harness.report.words import NOTHING, count, edge_label, seconds

_PARTS = (
    (Part.PACTS, "Pacts", "contracts"),
    (None, "Experiments", "experiments"),
    (Part.SAFETY, "Safety", "safety"),
    (Part.FUZZ, "Fuzzing", "fuzz"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSummary:
    """How one part of the run came out; `verdict` is None when it was not run."""

    name: str
    anchor: str
    """The id of its section in the HTML report."""
    verdict: Verdict | None
    passed: int
    unknown: int
    failed: int

    @property
    def total(self) -> int:
        """How many were judged."""
        return self.passed + self.unknown + self.failed


def parts_of(story: RunStory) -> tuple[PartSummary, ...]:
    """Pacts, experiments, safety, fuzzing; matrix and load where there are some, validity of the whole run."""
    parts = [_part(name, anchor, _verdicts(story, part)) for part, name, anchor in _PARTS]
    if story.load is not None:
        # A load run has no other parts: that they were not run is no news.
        parts = [_part("Load", "load", _verdicts(story, Part.LOAD)), *(each for each in parts if each.total)]
    if story.matrix is not None:
        parts.insert(0, _part("Matrix", "matrix", _verdicts(story, Part.MATRIX)))
    apart = [each.finding.verdict for each in story.outside_experiments() if not each.finding.excused]
    return (*parts, *([_part("Other", "other", apart)] if apart else []))


def _verdicts(story: RunStory, part: Part | None) -> Sequence[Verdict]:
    if part is None:
        return [each.verdict for each in story.experiments]
    return [each.finding.verdict for each in story.part(part) if not each.finding.excused]


def _part(name: str, anchor: str, verdicts: Sequence[Verdict]) -> PartSummary:
    return PartSummary(
        name=name,
        anchor=anchor,
        verdict=worst(verdicts) if verdicts else None,
        passed=verdicts.count(Verdict.PASS),
        unknown=verdicts.count(Verdict.UNKNOWN),
        failed=verdicts.count(Verdict.FAIL),
    )


def why(story: RunStory) -> str:
    """Why the run came to its verdict, in one sentence: its worst finding, else what the run itself said."""
    headline = story.headline
    if headline is None or story.cut:
        return story.reason
    return f"{edge_label(headline.finding.subject)}: {headline.finding.reason}"


def owner_words(story: RunStory, finding: Finding) -> str:
    """Whose a finding is, or that its service is nobody's; empty when it names neither."""
    if owner := story.owner(finding):
        return owner + (" (inferred)" if finding.inferred else "")
    return f"nobody is declared as owner of {finding.service}" if finding.service else ""


def also_undecided(story: RunStory, told: Told) -> str:
    """` (16 other checks can't be judged because of it)`, when that is so."""
    number = story.undecided_with(told)
    return f" ({count(number, 'other check')} can't be judged because of it)" if number else ""


def advice(story: RunStory) -> tuple[str, str]:
    """What to do first, in words, and the command for it."""
    headline = story.headline
    if headline and headline.finding.replay:
        settles = headline.finding.verdict is Verdict.UNKNOWN
        return "Settle it with" if settles else "Do first: replay it", headline.finding.replay
    return ("Run it again with" if story.verdict is not Verdict.PASS else "Repeat with"), story.header.command


def title_of(finding: Finding) -> str:
    """How a finding is headed where nothing around it says of which experiment it is."""
    where = f" in {finding.experiment}" if finding.experiment not in {"", finding.subject} else ""
    return f"{finding.check}: {edge_label(finding.subject)}{where}"


def repeat_words(finding: Finding) -> str:
    """What the command of a finding is for."""
    return "Would settle it" if finding.verdict is Verdict.UNKNOWN else "Replay"


def faults_told(experiment: ExperimentStory) -> str:
    """What was injected, each fault once with all its targets; what was planned, when nothing was."""
    targets: dict[str, list[str]] = {}
    for each in experiment.injections:
        targets.setdefault(each.fault, []).append(each.target)
    told = [", ".join(where) + (f" under {fault}" if fault else "") for fault, where in targets.items()]
    return "; ".join(told or experiment.started.injections)


def recovery_words(experiment: ExperimentStory) -> str:
    """How long it took to be well again, or why there is no such figure."""
    if experiment.ended is None:
        return "not known"
    if experiment.ended.recovery_s is not None:
        return seconds(experiment.ended.recovery_s)
    checks = [each.finding for each in experiment.told if "recover" in each.finding.check]
    words = {Verdict.FAIL: "not in time", Verdict.UNKNOWN: "not known", Verdict.PASS: "was not ill"}
    return words[worst(finding.verdict for finding in checks)] if checks else NOTHING
