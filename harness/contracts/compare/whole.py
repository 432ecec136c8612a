"""All pacts held against all documents; what can't be read is told, and hides nothing of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.contracts.compare.document import ProviderDocument
from harness.contracts.compare.events import EventSchema, compare_message, read_event
from harness.contracts.compare.judge import Against, compare_interaction
from harness.contracts.compare.mismatch import ComparedInteraction
from harness.contracts.pacts import Kind, Pact, read_pact
from harness.errors import DeclarationError, Place, Problem
from harness.model.verdict import Verdict, worst

SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Where the providers' documents are, and what goes with every request."""

    openapi: Mapping[str, Path]
    """Provider → file."""
    known: frozenset[str] | None = None
    """The names that providers may have; any when it is not known."""
    events: Sequence[EventSchema] = ()
    supplied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPact:
    """One pact, and what was found."""

    consumer: str
    provider: str
    document: str
    interactions: tuple[ComparedInteraction, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL with an error, UNKNOWN where something could not be judged."""
        return worst(
            Verdict.FAIL if each.errors else Verdict.UNKNOWN if each.unjudged else Verdict.PASS
            for each in self.interactions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that was compared, and what is wrong with what was given."""

    pacts: tuple[ComparedPact, ...]
    problems: tuple[Problem, ...]

    @property
    def exit_code(self) -> int:
        """2 where something given is broken, whatever the rest says."""
        return 2 if self.problems else worst(each.verdict for each in self.pacts).exit_code


def compare_all(
    files: Iterable[Path], documents: Documents, *, provider: str | None = None, consumer: str | None = None
) -> Comparison:
    """Hold each pact against its provider's document.

    Args:
        files: the pacts.
        documents: what they are held against.
        provider: only pacts with that provider.
        consumer: only pacts of that consumer.
    """
    problems: list[Problem] = []
    pacts = [
        each
        for each in readable(files, problems)
        if provider in {None, each.provider} and consumer in {None, each.consumer}
    ]
    problems += _twice(pacts)
    read: dict[str, ProviderDocument | None] = {}
    compared = []
    for pact in pacts:
        if documents.known is not None and pact.provider not in documents.known:
            problems.append(_unknown(pact, documents.known))
            continue
        compared.append(_compared(pact, documents, read, problems))
    return Comparison(pacts=tuple(compared), problems=tuple(problems))


def readable(files: Iterable[Path], problems: list[Problem]) -> Iterator[Pact]:
    """The pacts that can be read; what is wrong with the others is added to `problems`."""
    for file in files:
        try:
            yield read_pact(file)
        except DeclarationError as error:
            problems.extend(error.problems)


def find_documents(contracts: Path) -> dict[str, Path]:
    """The OpenAPI documents in `openapi/` below a directory, by the names of their files."""
    found = sorted(each for each in (contracts / "openapi").glob("*") if each.suffix in SUFFIXES)
    return {each.stem: each for each in found}


def find_events(contracts: Path, problems: list[Problem]) -> tuple[EventSchema, ...]:
    """The schemas of events in `events/` below a directory."""
    events = []
    for file in sorted((contracts / "events").glob("*.json")):
        try:
            events.append(read_event(file))
        except DeclarationError as error:
            problems.extend(error.problems)
    return tuple(events)


def _compared(
    pact: Pact, documents: Documents, read: dict[str, ProviderDocument | None], problems: list[Problem]
) -> ComparedPact:
    file = documents.openapi.get(pact.provider)
    over_http = any(each.kind is Kind.HTTP for each in pact.interactions)
    if over_http and file is not None and pact.provider not in read:
        try:
            read[pact.provider] = ProviderDocument.read(file)
        except DeclarationError as error:
            problems.extend(error.problems)
            read[pact.provider] = None
    document = read.get(pact.provider)
    interactions = []
    for each in pact.interactions:
        if each.kind is Kind.MESSAGE:
            interactions.append(compare_message(each, pact.provider, documents.events))
        elif document is not None:
            interactions.append(compare_interaction(each, Against(document=document, supplied=documents.supplied)))
        else:
            lacking = f"the document of {pact.provider} can't be read" if file else f"{pact.provider} has no document"
            interactions.append(ComparedInteraction(label=each.label, place=each.place, unjudged=lacking))
    where = str(file) if file and over_http else "the schemas of events"
    return ComparedPact(
        consumer=pact.consumer, provider=pact.provider, document=where, interactions=tuple(interactions)
    )


def _twice(pacts: Sequence[Pact]) -> Iterator[Problem]:
    """The same interaction of the same two in two files: which of them holds can't be told."""
    first: dict[object, Place] = {}
    for pact in pacts:
        for each in pact.interactions:
            key = (pact.consumer, pact.provider, each.identity)
            if key in first:
                yield Problem(
                    place=each.place,
                    message=f"duplicate interaction {each.label!r} of {pact.consumer} and {pact.provider}, "
                    f"first at {first[key]}",
                    remedy="keep one file for each pair",
                )
            first.setdefault(key, each.place)


def _unknown(pact: Pact, known: frozenset[str]) -> Problem:
    import difflib

    near = difflib.get_close_matches(pact.provider, sorted(known), n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return Problem(
        place=Place(file=str(pact.file)),
        message=f"the pact is with {pact.provider!r}, which is no service of the system{meant}",
        remedy="correct the provider's name, or remove the pact",
    )
