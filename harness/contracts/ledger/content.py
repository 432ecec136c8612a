"""What identifies the content of a pact: a digest that ignores metadata, order, and keys that verify nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from harness.contracts.pacts import Interaction, JsonObject

_IDLE = ("_id", "comments", "key")
"""What an interaction may carry that changes nothing in its verification."""
_GROUPS = ("interactions", "messages")
KEY_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An interaction of a pact's content: the key that identifies it, and what people call it."""

    key: str
    label: str


def canonical_text(value: object) -> str:
    """The one way to write a JSON value: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(text: str) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical_pact(document: JsonObject) -> JsonObject:
    """A pact document reduced to its parties and its interactions, these in a stable order."""
    reduced: dict[str, JsonValue] = {
        party: {"name": cast("JsonObject", document[party])["name"]} for party in ("consumer", "provider")
    }
    for group in _GROUPS:
        entries = [_bare(each) for each in cast("list[JsonObject]", document.get(group) or [])]
        if entries:
            reduced[group] = cast("JsonValue", sorted(entries, key=canonical_text))
    return reduced


def content_digest(document: JsonObject) -> str:
    """Equal for pacts that are verified alike, whoever wrote them, in whatever order."""
    return digest_of(canonical_text(canonical_pact(document)))


def interaction_key(interaction: JsonObject) -> str:
    """Identifies an interaction by its content."""
    return digest_of(canonical_text(_bare(interaction)))[:KEY_DIGITS]


def named(interaction: Interaction) -> Named:
    """The key and the label of an interaction that was read from a pact file."""
    return Named(key=interaction_key(interaction.document), label=interaction.label)


def named_in(document: JsonObject) -> tuple[Named, ...]:
    """All interactions of a pact document, in a stable order."""
    found = [
        Named(key=interaction_key(each), label=_label(each))
        for group in _GROUPS
        for each in cast("list[JsonObject]", document.get(group) or [])
    ]
    return tuple(sorted(found, key=lambda each: (each.label, each.key)))


def ids_in(document: JsonObject) -> dict[str, str]:
    """The ids that a broker gave the interactions, by their keys."""
    found = [each for group in _GROUPS for each in cast("list[JsonObject]", document.get(group) or [])]
    return {interaction_key(each): str(each["_id"]) for each in found if "_id" in each}


def _bare(interaction: JsonObject) -> JsonObject:
    kept = {name: value for name, value in interaction.items() if name not in _IDLE}
    if kept.get("pending") is False:
        del kept["pending"]
    if kept.get("providerStates") == []:
        del kept["providerStates"]
    return kept


def _label(interaction: JsonObject) -> str:
    states = cast("list[Mapping[str, JsonValue]]", interaction.get("providerStates") or [])
    given = " and ".join(str(state.get("name")) for state in states)
    description = str(interaction.get("description"))
    return f"{description}, given {given}" if given else description
