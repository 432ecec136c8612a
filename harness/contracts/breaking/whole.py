"""Two documents, or two schemas of an event, with the pacts of those who rely on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.contracts.breaking.crossing import cross
from harness.contracts.breaking.event_change import changes_of
from harness.contracts.breaking.oasdiff import changes_between
from harness.contracts.breaking.tell import Told
from harness.contracts.compare.document import ProviderDocument
from harness.contracts.compare.events import EventSchema, events_of, message_problems, read_event
from harness.contracts.compare.judge import UNUSABLE, Against, compare_interaction
from harness.contracts.compare.mismatch import ComparedInteraction
from harness.contracts.compare.whole import readable
from harness.contracts.pacts import Interaction, Kind, Pact
from harness.errors import ContractError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Who is there."""

    pacts: Sequence[Path]
    provider: str | None = None
    """Whose documents these are; told from their names and titles when it is not said."""
    known: frozenset[str] = frozenset()
    """The services of the system."""
    supplied: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[EventSchema] = ()
    """The provider's other events, so that a message is not taken for another."""


def is_event(file: Path) -> bool:
    """Whether a file is a JSON Schema, and no OpenAPI document."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and "openapi" not in document and "paths" not in document


def compare_documents(old: Path, new: Path, there: Circumstances, *, program: Path) -> Told:
    """What changed between two OpenAPI documents, and for whom.

    Raises:
        DeclarationError: when a document is broken.
        ContractError: when it can't be told whose they are, or oasdiff refuses them.
    """
    before, after = ProviderDocument.read(old), ProviderDocument.read(new)
    problems: list[Problem] = []
    pacts = tuple(readable(there.pacts, problems))
    provider = _provider(there, pacts, (new.stem, old.stem, before.title))
    changes = changes_between(old, new, program=program)

    def judged(document: ProviderDocument) -> Against:
        return Against(document=document, supplied=there.supplied)

    crossed = cross(
        changes,
        _only(pacts, provider, Kind.HTTP),
        lambda each: compare_interaction(each, judged(before)),
        lambda each: compare_interaction(each, judged(after)),
    )
    return Told(
        provider=provider,
        old=str(old),
        new=str(new),
        changes=changes,
        crossed=crossed,
        problems=tuple(problems),
    )


def compare_events(old: Path, new: Path, there: Circumstances) -> Told:
    """What changed between two schemas of an event, and for whom; raises as `compare_documents`."""
    before, after = read_event(old), read_event(new)
    problems: list[Problem] = []
    pacts = tuple(readable(there.pacts, problems))
    provider = there.provider or before.producer or after.producer
    others = [each for each in there.events if each.producer in {"", provider} and each.name != before.name]
    try:
        changes = changes_of(before, after)
    except UNUSABLE as wrong:
        message = f"{old} or {new} is no JSON Schema that can be used: {type(wrong).__name__}: {wrong!s:.200}"
        raise ContractError(message) from wrong

    def held(interaction: Interaction, schema: EventSchema) -> ComparedInteraction:
        try:
            mine = before in events_of(interaction, [before, *others])
            mismatches = message_problems(interaction, schema) if mine else ()
        except UNUSABLE as wrong:
            why = f"a schema can't be used: {type(wrong).__name__}: {wrong!s:.200}"
            return ComparedInteraction(label=interaction.label, place=interaction.place, unjudged=why)
        return ComparedInteraction(
            label=interaction.label,
            place=interaction.place,
            operation=before.name if mine else "",
            mismatches=mismatches,
        )

    crossed = cross(
        changes,
        _only(pacts, provider, Kind.MESSAGE),
        lambda each: held(each, before),
        lambda each: held(each, after),
    )
    return Told(
        provider=f"{before.name} of {provider}" if provider else before.name,
        old=str(old),
        new=str(new),
        changes=changes,
        crossed=crossed,
        problems=tuple(problems),
    )


def _provider(there: Circumstances, pacts: Iterable[Pact], names: Sequence[str]) -> str:
    known = there.known | {pact.provider for pact in pacts}
    if there.provider is not None:
        return there.provider
    for name in names:
        if name.lower() in known:
            return name.lower()
    message = (
        f"whose documents these are can't be told from {', '.join(dict.fromkeys(names))} "
        f"(there are: {', '.join(sorted(known)) or 'none'}); say --provider NAME"
    )
    raise ContractError(message)


def _only(pacts: Iterable[Pact], provider: str, kind: Kind) -> tuple[Pact, ...]:
    """The pacts with a provider, with the interactions of one kind; those left with none are out."""
    own = (
        Pact(
            consumer=pact.consumer,
            provider=pact.provider,
            interactions=tuple(each for each in pact.interactions if each.kind is kind),
            file=pact.file,
            specification=pact.specification,
        )
        for pact in pacts
        if provider in {"", pact.provider}
    )
    return tuple(pact for pact in own if pact.interactions)
