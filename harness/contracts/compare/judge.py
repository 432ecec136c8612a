"""A pact held against its provider's document, interaction by interaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from jsonschema.exceptions import UnknownType

from harness.contracts.compare.document import ProviderDocument
from harness.contracts.compare.expectation import Expectation, expectation_of
from harness.contracts.compare.mismatch import ComparedInteraction, Mismatch, error
from harness.contracts.compare.request import path_problems, request_problems
from harness.contracts.compare.response import response_problems
from harness.contracts.pacts import Interaction, Kind
from harness.errors import ContractError, DeclarationError

UNUSABLE = (ContractError, UnknownType, re.error, TypeError, AttributeError, RecursionError)
"""What schemas that are none lead to: their words have other types than JSON Schema gives them."""
FIRST_REFUSAL = 400
"""From this status on a request is meant to be refused, so that what is wrong with it is no trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What interactions are held against."""

    document: ProviderDocument
    supplied: Mapping[str, str] = field(default_factory=dict)
    """Headers, by name in lower case, that are added to every request of the system."""


def compare_interaction(interaction: Interaction, against: Against) -> ComparedInteraction:
    """What of an interaction can't come true, by the document alone."""
    if interaction.kind is not Kind.HTTP:
        return _unjudged(interaction, "it is a message, of which an OpenAPI document says nothing")
    try:
        expectation = expectation_of(interaction)
        found = against.document.find(expectation.request.method, expectation.request.path)
        operation = found.operation.name if found else ""
        mismatches = tuple(_mismatches(expectation, against))
    except ValueError as wrong:
        return _unjudged(interaction, str(wrong))
    except DeclarationError as wrong:
        return _unjudged(interaction, str(wrong))
    except UNUSABLE as wrong:
        return _unjudged(interaction, f"a schema of the document can't be used: {type(wrong).__name__}: {wrong!s:.200}")
    return ComparedInteraction(
        label=interaction.label, place=interaction.place, operation=operation, mismatches=mismatches
    )


def _unjudged(interaction: Interaction, why: str) -> ComparedInteraction:
    return ComparedInteraction(label=interaction.label, place=interaction.place, unjudged=why)


def _mismatches(expectation: Expectation, against: Against) -> Iterator[Mismatch]:
    request, response, document = expectation.request, expectation.response, against.document
    found = document.find(request.method, request.path)
    if found is None:
        yield _unknown(expectation, document)
        return
    yield from path_problems(found, document.schemas)
    if response.status < FIRST_REFUSAL:
        yield from request_problems(request, response, found, document.schemas, against.supplied)
    yield from response_problems(response, found.operation, document.schemas)


def _unknown(expectation: Expectation, document: ProviderDocument) -> Mismatch:
    request = expectation.request
    methods = document.methods_of(request.path)
    if methods:
        message = f"{request.method} is not declared there (declared: {', '.join(methods)})"
        return error("request.method", f"request {request.method} {request.path}", message)
    below = [each for each in document.base_paths if each]
    where = f"; the servers' paths begin with {' or '.join(below)}" if below else ""
    message = f"the document has no such path{where}"
    return error("request.path", f"request {request.method} {request.path}", message)
