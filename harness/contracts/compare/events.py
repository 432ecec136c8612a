"""Messages of pacts held against the schemas of events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from harness.contracts.compare.bodies import body_problems
from harness.contracts.compare.expectation import message_body
from harness.contracts.compare.judge import UNUSABLE
from harness.contracts.compare.mismatch import ComparedInteraction, Mismatch
from harness.contracts.compare.schemas import Schemas, Side
from harness.contracts.pacts import Interaction
from harness.errors import ContractError, DeclarationError, Place, Problem

MAX_SCHEMA_BYTES = 4 * 1024 * 1024
"""A schema larger than this is read by nobody."""
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSchema:
    """The JSON Schema of one event, with who publishes it and where."""

    name: str
    producer: str
    subject: str
    file: str
    document: Mapping[str, JsonValue]
    schemas: Schemas

    @property
    def schema(self) -> JsonValue:
        """The whole of it."""
        return cast("JsonValue", self.document)


def read_event(file: Path) -> EventSchema:
    """One schema of an event; raises DeclarationError."""
    try:
        if file.stat().st_size > MAX_SCHEMA_BYTES:
            raise _broken(file, None, f"expected at most {MAX_SCHEMA_BYTES} bytes, found {file.stat().st_size}")
        document = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise _broken(file, error.lineno, f"expected JSON, found: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(file, None, f"expected a schema that can be read, found: {error}") from None
    if not isinstance(document, dict):
        raise _broken(file, 1, f"expected a JSON Schema, found {type(document).__name__}")
    schemas = Schemas(document, old=False)
    try:
        schemas.validator(document, Side.EXPECTED)
    except UNUSABLE as error:
        found = str(error) if isinstance(error, ContractError) else f"expected a JSON Schema, found {error!r:.200}"
        raise _broken(file, None, found) from None
    return EventSchema(
        name=str(document.get("title") or file.stem),
        producer=str(document.get("x-producer", "")),
        subject=str(document.get("x-subject", "")),
        file=str(file),
        document=document,
        schemas=schemas,
    )


def compare_message(interaction: Interaction, provider: str, events: Sequence[EventSchema]) -> ComparedInteraction:
    """What of a message can't come true, by the schema of the event that it is; of several, one must give it."""
    own = [each for each in events if each.producer in {"", provider}]
    try:
        found = events_of(interaction, own)
        mismatches = min((message_problems(interaction, each) for each in found), key=len, default=())
    except UNUSABLE as wrong:
        why = f"a schema of its events can't be used: {type(wrong).__name__}: {wrong!s:.200}"
        return ComparedInteraction(label=interaction.label, place=interaction.place, unjudged=why)
    if not found:
        listed = ", ".join(each.name for each in own) or "none"
        why = f"which event it is can't be told (events of {provider}: {listed}); name the event in its description"
        return ComparedInteraction(label=interaction.label, place=interaction.place, unjudged=why)
    return ComparedInteraction(
        label=interaction.label,
        place=interaction.place,
        operation=" or ".join(each.name for each in found),
        mismatches=mismatches,
    )


def message_problems(interaction: Interaction, event: EventSchema) -> tuple[Mismatch, ...]:
    """What the event never carries."""
    body = message_body(interaction)
    if body is None:
        return ()
    return tuple(body_problems(body, event.schema, event.schemas, Side.EXPECTED, "contents"))


def events_of(interaction: Interaction, events: Sequence[EventSchema]) -> tuple[EventSchema, ...]:
    """The event that a message is, by its metadata, its description, or for lack of others; else those it may be."""
    metadata = interaction.document.get("metadata")
    said = {str(value) for value in metadata.values()} if isinstance(metadata, dict) else set[str]()
    for named in (
        [each for each in events if said & {each.name, each.subject}],
        [each for each in events if _speaks_of(interaction.description, each.name)],
        events,
    ):
        if len(named) == 1:
            return tuple(named)
    return tuple(each for each in events if not message_problems(interaction, each))


def _speaks_of(description: str, name: str) -> bool:
    """Whether all words of `OrderPlaced` are in `an order was placed`."""
    return _words([name]) <= _words(description.split())


def _words(texts: Iterable[str]) -> set[str]:
    return {word.lower() for text in texts for word in _WORD.findall(text)}


def _broken(file: Path, line: int | None, message: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=str(file), line=line), message=message, remedy="mend the file")])
