"""Verifies pacts from wherever they are kept, and says of each content what came of each of its interactions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.clock import SystemClock
from harness.contracts.broker.broker import Fetched
from harness.contracts.ledger.content import content_digest, named
from harness.contracts.ledger.entries import Outcome
from harness.contracts.pacts import JsonObject, Pact, read_pact, with_version
from harness.contracts.unverified import CHECK
from harness.declare import load_system
from harness.engine.concluding import INTERRUPTED, RunResult
from harness.engine.prepare import Options
from harness.engine.run import run
from harness.engine.session import RUNS, Say, name_run
from harness.errors import DeclarationError, Problem
from harness.model.events import FindingMade
from harness.model.finding import Finding
from harness.model.verdict import Verdict, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """The content of a pact, and where it came from."""

    document: JsonObject
    told: str
    """Whose it is: `gateway 1.4`."""
    version: str = ""
    """Of the consumer, where that is known beside the document."""
    fetched: Fetched | None = None
    """When it came from a broker."""

    @property
    def pending(self) -> bool:
        """Whether a failure must not keep the provider from going on."""
        return self.fetched is not None and self.fetched.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What came of the interactions of one content."""

    sourced: Sourced
    pact: Pact
    outcomes: tuple[Outcome, ...]
    owner: str

    @property
    def compared(self) -> int:
        """How many interactions were compared."""
        return sum(each.verdict is not Verdict.UNKNOWN for each in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One run, and what came of the contents that it verified; at most one of a pair."""

    result: RunResult
    outcomes: tuple[Outcomes, ...]

    @property
    def verdict(self) -> Verdict:
        """The run's, but what is wrong with a pending pact does not count."""
        pending = {_edge(each.pact) for each in self.outcomes if each.sourced.pending}
        found = findings_of(self.result)
        counted = [each.verdict for each in found if each.verdict is Verdict.PASS or each.edge not in pending]
        return worst(counted) if counted or not found else Verdict.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All that came of a verification."""

    layers: tuple[Layer, ...]
    problems: tuple[Problem, ...] = ()
    """What is wrong with the pacts that were left out."""

    @property
    def outcomes(self) -> tuple[Outcomes, ...]:
        """Of all contents."""
        return tuple(each for layer in self.layers for each in layer.outcomes)

    @property
    def exit_code(self) -> int:
        """As the worst run's; a pact that was left out is unknown, and so is nothing at all."""
        if any(layer.result.exit_code == INTERRUPTED for layer in self.layers):
            return INTERRUPTED
        unknown = [Verdict.UNKNOWN] if self.problems else []
        return worst([*unknown, *(layer.verdict for layer in self.layers)]).exit_code


def findings_of(result: RunResult) -> tuple[Finding, ...]:
    """What a run found."""
    return tuple(event.finding for event in result.events if isinstance(event, FindingMade))


async def verify_sourced(options: Options, sourced: Sequence[Sourced], *, say: Say) -> Recorded:
    """Verify each content; contents of one pair are verified one after another, lest they be taken for each other.

    Raises:
        HarnessError: as `harness.engine.run.run`.
    """
    directory = options.settings.directory or RUNS / name_run(SystemClock())
    layers: list[Layer] = []
    problems: list[Problem] = []
    for number, contents in enumerate(_layers(sourced), start=1):
        place = directory.with_name(f"{directory.name}-pacts-{number}")
        pacts, broken = _lay_out(contents, place)
        problems += broken
        if not pacts:
            continue
        run_in = directory if number == 1 else directory.with_name(f"{directory.name}-{number}")
        services = tuple(sorted({pact.provider for _, pact in pacts}))
        result = await run(
            replace(options, pacts=place, services=services, settings=replace(options.settings, directory=run_in)),
            say=say,
        )
        found = findings_of(result)
        layers.append(Layer(result=result, outcomes=tuple(_outcomes(each, pact, found) for each, pact in pacts)))
        if result.exit_code == INTERRUPTED:
            break
    return Recorded(layers=tuple(layers), problems=tuple(problems))


async def verify_checked_out(options: Options, *, say: Say) -> Recorded:
    """Verify what is checked out, as `harness verify` does; raises as `harness.engine.run.run`."""
    topology = load_system(options.system)
    pacts = sorted((Path(topology.root) / topology.system.content.contracts / "pacts").glob("*.json"))
    result = await run(options, say=say)
    found = findings_of(result)
    outcomes = []
    for file in pacts:
        try:
            pact = read_pact(file)
        except DeclarationError:
            continue  # the run has told of it
        wanted = not options.services or pact.provider in options.services
        if wanted and options.consumer in {None, pact.consumer}:
            sourced = Sourced(document=json.loads(file.read_bytes()), told=pact.consumer)
            outcomes.append(_outcomes(sourced, pact, found))
    return Recorded(layers=(Layer(result=result, outcomes=tuple(outcomes)),))


def _layers(sourced: Iterable[Sourced]) -> list[list[Sourced]]:
    """Each content once, and in each layer at most one of a pair."""
    contents: dict[tuple[str, str], dict[str, Sourced]] = defaultdict(dict)
    for each in sourced:
        contents[_party(each.document, "consumer"), _party(each.document, "provider")].setdefault(
            content_digest(each.document), each
        )
    layers: list[list[Sourced]] = []
    for distinct in contents.values():
        for number, each in enumerate(distinct.values()):
            if number == len(layers):
                layers.append([])
            layers[number].append(each)
    return layers


def _lay_out(layer: Sequence[Sourced], place: Path) -> tuple[list[tuple[Sourced, Pact]], list[Problem]]:
    """Write a layer as files, those that could not fail left out and told."""
    place.mkdir(parents=True, exist_ok=True)
    pacts, problems = [], []
    for number, each in enumerate(layer, start=1):
        file = place / f"{number}.json"
        document = with_version(each.document, each.version)
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
        try:
            pacts.append((each, read_pact(file)))
        except DeclarationError as error:
            file.unlink()
            problems += [replace(one, message=f"{each.told}: {one.message}") for one in error.problems]
    return pacts, problems


def _outcomes(sourced: Sourced, pact: Pact, found: Sequence[Finding]) -> Outcomes:
    ours = [each for each in found if each.check == CHECK and not each.experiment and each.edge == _edge(pact)]
    outcomes = []
    for interaction in pact.interactions:
        name = named(interaction)
        subject = f"{pact.consumer} → {pact.provider}: {name.label}"
        told = [each for each in ours if each.subject == subject]
        verdict = worst(each.verdict for each in told)
        reason = next((each.reason for each in told if each.verdict is verdict), "nothing was verified")
        outcomes.append(
            Outcome(
                interaction=name.key,
                label=name.label,
                verdict=verdict,
                reason="" if verdict is Verdict.PASS else reason,
            )
        )
    owner = next((each.owner for each in ours if each.owner), "")
    return Outcomes(sourced=sourced, pact=pact, outcomes=tuple(outcomes), owner=owner)


def _edge(pact: Pact) -> str:
    return f"{pact.consumer}->{pact.provider}"


def _party(document: JsonObject, party: str) -> str:
    found = document.get(party)
    return str(found.get("name")) if isinstance(found, dict) else ""
