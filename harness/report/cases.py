"""A run as the test cases that CI servers and Allure know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from harness.report.story import ExperimentStory, RunStory, Told, edge_key
from harness.report.summary import why
from harness.report.words import BADNESS, edge_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case; `start` and `stop` are seconds since the run began."""

    suite: str
    classname: str
    name: str
    verdict: Verdict
    message: str
    evidence: tuple[str, ...]
    part: Part
    start: float
    stop: float
    edge: str = ""
    """As it is shown."""
    fault: str = ""
    service: str = ""
    owner: str = ""
    inferred: bool = False
    replay: str = ""
    critical: bool = False
    experiment: str = ""
    excused: str = ""
    """Why it does not make the run red though it is."""
    lane: str = ""
    """Where it stands in a timeline: only the worst case of an experiment does, so that no other covers it."""
    in_force: tuple[float, float] | None = None
    """From when to when the faults of its experiment were; None without any."""


def cases_of(story: RunStory) -> tuple[Case, ...]:
    """Every finding is a case; so is the run itself, each placebo and control, and an experiment without findings.

    Findings of a placebo or a control are evidence of its one case, since trouble there blames nobody's service.
    """
    return (_run(story), *_matrix(story), *_contracts(story), *_of_experiments(story), *_apart(story))


def _run(story: RunStory) -> Case:
    return Case(
        suite="run",
        classname="run",
        name="the run's verdict",
        verdict=story.verdict,
        message=why(story),
        evidence=(story.reason,),
        part=Part.VALIDITY,
        start=0.0,
        stop=story.last_t,
        replay=story.header.command,
        lane="run",
    )


def _matrix(story: RunStory) -> Iterator[Case]:
    for told in story.part(Part.MATRIX):
        place = edge_label(edge_key(told.finding.edge))
        yield _case(story, told, "matrix", f"matrix.{place}" if place else "matrix")


def _contracts(story: RunStory) -> Iterator[Case]:
    for part in (Part.PACTS, Part.FUZZ):
        for told in story.part(part):
            place = edge_label(edge_key(told.finding.edge)) if part is Part.PACTS else told.finding.service
            yield _case(story, told, str(part), f"{part}.{place}" if place else str(part))


def _apart(story: RunStory) -> Iterator[Case]:
    names = {each.name for each in story.experiments}
    for told in story.part(Part.SAFETY):
        if told.finding.experiment not in names:
            yield _case(story, told, "safety", "safety")
    for told in story.part(Part.LOAD):
        yield _case(story, told, "load", "load")
    for told in story.outside_experiments():
        yield _case(story, told, str(told.finding.part), str(told.finding.part))


def _of_experiments(story: RunStory) -> Iterator[Case]:
    for experiment in story.experiments:
        cases = tuple(_of(story, experiment))
        worst = min(cases, key=lambda each: BADNESS[Verdict.PASS if each.excused else each.verdict], default=None)
        lane, in_force = _where(experiment) or experiment.name, _in_force(experiment)
        yield from (replace(each, lane=lane if each is worst else "", in_force=in_force) for each in cases)


def _of(story: RunStory, experiment: ExperimentStory) -> Iterator[Case]:
    suite = f"experiment: {experiment.name}"
    if experiment.is_probe or not experiment.told or experiment.ended is None:
        yield _whole(experiment, suite)
    for told in experiment.told:
        if (told.blames or told.finding.excused) and told.finding.part not in {Part.PACTS, Part.FUZZ}:
            yield _case(story, told, suite, f"experiments.{experiment.name}", experiment)


def _in_force(experiment: ExperimentStory) -> tuple[float, float] | None:
    if not experiment.injections:
        return None
    ends = [experiment.until if each.healed_at is None else each.healed_at for each in experiment.injections]
    return min(each.armed_at for each in experiment.injections), max(ends)


def _whole(experiment: ExperimentStory, suite: str) -> Case:
    if experiment.ended is None:
        message = "the journal ends before this experiment did"
    else:
        message = f"{experiment.started.role} ended as {experiment.verdict}: {experiment.started.hypothesis}"
    return Case(
        suite=suite,
        classname=f"experiments.{experiment.name}",
        name=experiment.started.role,
        verdict=experiment.verdict,
        message=message,
        evidence=tuple(
            f"{each.finding.verdict} {each.finding.check}, {each.finding.subject}: {each.finding.reason}"
            for each in experiment.told
        ),
        part=Part.VALIDITY if experiment.is_probe else Part.RESILIENCE,
        start=experiment.started.t,
        stop=experiment.until,
        edge=_where(experiment),
        fault=_faults(experiment),
        experiment=experiment.name,
    )


def _case(story: RunStory, told: Told, suite: str, classname: str, experiment: ExperimentStory | None = None) -> Case:
    finding: Finding = told.finding
    edge = edge_label(edge_key(finding.edge))
    return Case(
        suite=suite,
        classname=classname,
        name=f"{finding.check}: {edge_label(finding.subject)}",
        verdict=finding.verdict,
        message=finding.reason,
        evidence=finding.evidence,
        part=finding.part,
        start=experiment.started.t if experiment else told.t,
        stop=experiment.until if experiment else told.t,
        edge=edge or (_where(experiment) if experiment else ""),
        fault=_faults(experiment) if experiment else "",
        service=finding.service,
        owner=story.owner(finding),
        inferred=finding.inferred,
        replay=finding.replay,
        critical=told.critical,
        experiment=finding.experiment,
        excused=finding.excused,
    )


def _where(experiment: ExperimentStory) -> str:
    return ", ".join(dict.fromkeys(each.target for each in experiment.injections))


def _faults(experiment: ExperimentStory) -> str:
    return ", ".join(dict.fromkeys(each.fault for each in experiment.injections))
