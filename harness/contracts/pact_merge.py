"""One pact file a pair, from what any number of test workers wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from harness.contracts.pacts import Interaction, JsonObject, Pact, read_pact, read_pacts
from harness.errors import ContractError


def merge(sources: Sequence[Path], into: Path, *, replace: bool) -> tuple[Path, ...]:
    """Gather the pact files in the directories `sources` into one file a pair in `into`; give those that changed.

    Safe for any number of test workers that each wrote to a directory of its own. Interactions stand in the order
    of their descriptions, keys are sorted and versions of libraries left out, so that nothing changes without cause.
    With `replace`, interactions that a pair no longer has are dropped; else they stay.

    Raises:
        ContractError: when two sources tell different things under one description and state.
        DeclarationError: when a file is broken.
    """
    pairs: dict[tuple[str, str], dict[object, Interaction]] = {}
    for source in sources:
        for pact in read_pacts(source):
            _only_version_4(pact)
            gathered = pairs.setdefault((pact.consumer, pact.provider), {})
            for interaction in pact.interactions:
                _gather(gathered, interaction)
    changed = []
    for (consumer, provider), gathered in sorted(pairs.items()):
        file = into / f"{consumer}-{provider}.json"
        if file.exists() and not replace:
            old = read_pact(file)
            _only_version_4(old)
            kept: dict[object, Interaction] = {each.identity: each for each in old.interactions}
            gathered = kept | gathered  # noqa: PLW2901 -- the same pair, with what the file has besides
        if _write(file, pact_document(consumer, provider, tuple(gathered.values()))):
            changed.append(file)
    return tuple(changed)


def _only_version_4(pact: Pact) -> None:
    if not pact.specification.startswith("4"):
        message = f"{pact.file}: expected specification 4 to merge, found {pact.specification}; write it again as 4.0"
        raise ContractError(message)


def _gather(gathered: dict[object, Interaction], interaction: Interaction) -> None:
    other = gathered.setdefault(interaction.identity, interaction)
    if other.document != interaction.document:
        message = (
            f"two tests tell different things of {interaction.label!r} ({other.place} and {interaction.place}): "
            "one would replace the other; give each a description of its own"
        )
        raise ContractError(message)


def pact_document(consumer: str, provider: str, interactions: Sequence[Interaction]) -> JsonObject:
    """A pact of specification 4 as JSON; interactions in a stable order."""
    ordered = sorted(interactions, key=lambda each: each.identity)
    return {
        "consumer": {"name": consumer},
        "interactions": [cast("JsonValue", each.document) for each in ordered],
        "metadata": {"pactSpecification": {"version": "4.0"}},
        "provider": {"name": provider},
    }


def _write(file: Path, document: JsonObject) -> bool:
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".json.new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)
    return True
