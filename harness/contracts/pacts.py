"""Pact files as small frozen types, with everything refused that would verify nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from harness.errors import DeclarationError, Place, Problem

MAX_PACT_BYTES = 16 * 1024 * 1024
"""A pact file larger than this is no pact file."""
_SPECIFICATIONS = ("3", "4")
_MESSAGE_TYPE = "Asynchronous/Messages"
_HTTP_TYPE = "Synchronous/HTTP"
_CONSUMER_VERSION = "pb:consumer-version"
_EXPRESSION = re.compile(r"\$\{([^}]+)\}")

JsonObject = Mapping[str, JsonValue]


class Kind(StrEnum):
    """How consumer and provider talk in an interaction."""

    HTTP = "http"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A provider state, `given(name, **params)`."""

    name: str
    params: JsonObject

    @property
    def identity(self) -> tuple[str, str]:
        """Equal for equal states, and can be sorted."""
        return (self.name, json.dumps(self.params, sort_keys=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One thing that a consumer relies on."""

    description: str
    states: tuple[State, ...]
    kind: Kind
    place: Place
    injected: tuple[str, ...]
    """Names that the provider states must give values for: `order_id` for the expression `${order_id}`."""
    document: JsonObject
    """As it stands in the file."""

    @property
    def identity(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What must be unique in a pact: the description with its states."""
        return (self.description, tuple(state.identity for state in self.states))

    @property
    def label(self) -> str:
        """The description, with the states when there are any: `a request for a product, given a product exists`."""
        names = " and ".join(state.name for state in self.states)
        return f"{self.description}, given {names}" if names else self.description


@dataclass(frozen=True, slots=True, kw_only=True)
class Pact:
    """What one consumer relies on from one provider."""

    consumer: str
    provider: str
    interactions: tuple[Interaction, ...]
    file: Path
    specification: str
    """The version of the specification as it stands in the file: `4.0`."""
    version: str = ""
    """Of the consumer, where the file tells it: one that a broker gave does."""


class _Read(BaseModel):
    """Pact files hold more than we read; what we read must have its type."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Party(_Read):
    name: str = Field(min_length=1)


class _State(_Read):
    name: str = Field(min_length=1)
    params: dict[str, JsonValue] = {}


class _Specification(_Read):
    version: str


class _Metadata(_Read):
    specification: _Specification = Field(alias="pactSpecification")
    plugins: list[JsonValue] = []


class _Interaction(_Read):
    description: str = Field(min_length=1)
    type: str | None = None
    states: list[_State] = Field(default=[], alias="providerStates")
    request: dict[str, JsonValue] | None = None
    response: dict[str, JsonValue] | None = None
    contents: JsonValue = None


class _PactFile(_Read):
    consumer: _Party
    provider: _Party
    interactions: list[_Interaction] = []
    messages: list[_Interaction] = []
    metadata: _Metadata


def read_pacts(directory: Path) -> tuple[Pact, ...]:
    """All pacts in a directory, in the order of their file names; none when it is missing or empty.

    Raises:
        DeclarationError: when any of them is broken; it lists the problems of all files.
    """
    pacts, problems = read_sound_pacts(directory)
    if problems:
        raise DeclarationError(list(problems))
    return pacts


def read_sound_pacts(directory: Path) -> tuple[tuple[Pact, ...], tuple[Problem, ...]]:
    """As `read_pacts`, but what is broken keeps nobody from the rest: the sound pacts, and all problems.

    Of two files that tell the same interaction of a pair the first is sound.
    """
    pacts: list[Pact] = []
    problems: list[Problem] = []
    told: dict[object, Interaction] = {}
    for file in sorted(directory.glob("*.json")):
        try:
            pact = read_pact(file)
        except DeclarationError as error:
            problems += error.problems
            continue
        of_pair = {(pact.consumer, pact.provider, each.identity): each for each in pact.interactions}
        twice = [_twice(of_pair[key], told[key]) for key in of_pair if key in told]
        told |= {key: each for key, each in of_pair.items() if key not in told}
        problems += twice
        if not twice:
            pacts.append(pact)
    return tuple(pacts), tuple(problems)


def providers_in(directory: Path, *, consumer: str | None = None) -> frozenset[str]:
    """Names of the providers that somebody (or that consumer) has a pact with; raises as `read_pacts`."""
    return frozenset(pact.provider for pact in read_pacts(directory) if consumer in {None, pact.consumer})


def read_pact(file: Path) -> Pact:
    """One pact file, of version 3 or 4 of the specification.

    Raises:
        DeclarationError: when it is no pact, or when one of its interactions could not fail:
            a pact without interactions, a message without contents, a duplicate that would replace another.
    """
    text = _text(file)
    document = _json(file, text)
    try:
        read = _PactFile.model_validate(document)
    except ValidationError as error:
        raise DeclarationError(_described(file, text, document, error)) from None
    problems = list(_problems(file, read))
    interactions = tuple(_interactions(file, text, document, read))
    problems += _duplicates(interactions)
    problems += [problem for each in interactions for problem in _empty(each)]
    if problems:
        raise DeclarationError(problems)
    return Pact(
        consumer=read.consumer.name,
        provider=read.provider.name,
        interactions=interactions,
        file=file,
        specification=read.metadata.specification.version,
        version=_version(document),
    )


def with_version(document: JsonObject, version: str) -> JsonObject:
    """The document with the version of its consumer, told as a broker tells it; as it is when there is none."""
    links = document.get("_links")
    known: JsonObject = links if isinstance(links, dict) else {}
    return {**document, "_links": {**known, _CONSUMER_VERSION: {"name": version}}} if version else document


def _version(document: JsonObject) -> str:
    """Nobody owes it, so that what is not understood of it is no trouble."""
    links = document.get("_links")
    link = links.get(_CONSUMER_VERSION) if isinstance(links, dict) else None
    name = link.get("name") if isinstance(link, dict) else None
    return name if isinstance(name, str) else ""


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_PACT_BYTES:
            raise _broken(file, None, f"expected at most {MAX_PACT_BYTES} bytes, found {file.stat().st_size}")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(file, None, f"expected a readable pact file, found: {error}") from None


def _json(file: Path, text: str) -> JsonObject:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = Place(file=str(file), line=error.lineno, column=error.colno)
        problem = Problem(place=place, message=f"expected JSON, found: {error.msg}", remedy=_AGAIN)
        raise DeclarationError([problem]) from None
    if not isinstance(document, dict):
        raise _broken(file, 1, f"expected a JSON object, found {type(document).__name__}")
    return document


_AGAIN = "write the pact again by running the consumer's tests"


def _broken(file: Path, line: int | None, message: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=str(file), line=line), message=message, remedy=_AGAIN)])


def _described(file: Path, text: str, document: JsonObject, error: ValidationError) -> list[Problem]:
    problems = []
    for detail in error.errors(include_url=False):
        where = ".".join(str(part) for part in detail["loc"])
        line = _line_of_location(text, document, detail["loc"])
        place = Place(file=str(file), line=line)
        message = f"at {where}: {detail['msg']}, found {detail['input']!r:.80}"
        problems.append(Problem(place=place, message=message, remedy=_AGAIN))
    return problems


def _line_of_location(text: str, document: JsonObject, location: tuple[int | str, ...]) -> int | None:
    match location:
        case ("interactions" | "messages" as group, int(index), *_):
            lines = _lines(text, cast("list[object]", document[group]))
            return lines[index]
        case (str(key), *_):
            found = re.search(rf'"{re.escape(key)}"\s*:', text)
            return text.count("\n", 0, found.start()) + 1 if found else None
        case _:
            return None


def _lines(text: str, raw: Sequence[object]) -> list[int | None]:
    """Lines of the descriptions, in the order of the file; None where one can't be found."""
    lines: list[int | None] = []
    positions: dict[str, int] = {}
    for each in raw:
        description = each.get("description") if isinstance(each, dict) else None
        if not isinstance(description, str):
            lines.append(None)
            continue
        forms = {re.escape(json.dumps(description)), re.escape(json.dumps(description, ensure_ascii=False))}
        pattern = rf'"description"\s*:\s*(?:{"|".join(sorted(forms))})'
        found = re.compile(pattern).search(text, positions.get(description, 0))
        lines.append(text.count("\n", 0, found.start()) + 1 if found else None)
        if found:
            positions[description] = found.end()
    return lines


def _problems(file: Path, read: _PactFile) -> Iterator[Problem]:
    version = read.metadata.specification.version
    place = Place(file=str(file))
    if version.split(".")[0] not in _SPECIFICATIONS:
        yield Problem(
            place=place,
            message=f"expected a pact of specification 3 or 4, found {version!r}",
            remedy="write it with a newer Pact library",
        )
    if read.metadata.plugins:
        yield Problem(
            place=place,
            message="expected a pact without plugins, found 'metadata.plugins'",
            remedy="plugins are fetched from the network and are not supported: use HTTP or JSON messages",
        )
    if not read.interactions and not read.messages:
        yield Problem(
            place=place,
            message="expected at least one interaction, found none: it would be verified by verifying nothing",
            remedy="write the pact again, or remove the file",
        )


def _interactions(file: Path, text: str, document: JsonObject, read: _PactFile) -> Iterator[Interaction]:
    for group, entries in (("interactions", read.interactions), ("messages", read.messages)):
        raw = cast("list[dict[str, JsonValue]]", document.get(group, []))
        for entry, original, line in zip(entries, raw, _lines(text, raw), strict=True):
            place = Place(file=str(file), line=line)
            yield Interaction(
                description=entry.description,
                states=tuple(State(name=state.name, params=state.params) for state in entry.states),
                kind=_kind(entry, group, place),
                place=place,
                injected=tuple(dict.fromkeys(_injected(original))),
                document=original,
            )


def _kind(entry: _Interaction, group: str, place: Place) -> Kind:
    if group == "messages" or entry.type == _MESSAGE_TYPE:
        return Kind.MESSAGE
    if entry.type in {None, _HTTP_TYPE}:
        if entry.request is not None and entry.response is not None:
            return Kind.HTTP
        message = f"expected 'request' and 'response' in {entry.description!r}"
        raise DeclarationError([Problem(place=place, message=message, remedy=_AGAIN)])
    problem = Problem(
        place=place,
        message=f"expected an interaction of type {_HTTP_TYPE!r} or {_MESSAGE_TYPE!r}, found {entry.type!r}",
        remedy="other kinds can't be verified yet: take it out of the pact",
    )
    raise DeclarationError([problem])


def _injected(node: object, *, inside: bool = False) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _injected(each, inside=inside)
    if not isinstance(node, dict):
        return
    if inside and node.get("type") == "ProviderState" and isinstance(node.get("expression"), str):
        expression = cast("str", node["expression"])
        yield from _EXPRESSION.findall(expression) or [expression]
        return
    for key, value in node.items():
        if inside or key not in {"body", "contents"}:
            yield from _injected(value, inside=inside or key == "generators")


def _duplicates(interactions: Sequence[Interaction]) -> Iterator[Problem]:
    first: dict[object, Interaction] = {}
    for each in interactions:
        if each.identity in first:
            yield _twice(each, first[each.identity])
        first.setdefault(each.identity, each)


def _twice(interaction: Interaction, first: Interaction) -> Problem:
    return Problem(
        place=interaction.place,
        message=f"duplicate interaction {interaction.label!r}, first at {first.place}",
        remedy="one would replace the other: give each a description of its own",
    )


def _empty(interaction: Interaction) -> Iterator[Problem]:
    if interaction.kind is Kind.MESSAGE and not _has_contents(interaction.document.get("contents")):
        yield Problem(
            place=interaction.place,
            message=f"expected contents in the message {interaction.description!r}, found none",
            remedy="any message would do: describe what the consumer reads of it",
        )


def _has_contents(contents: JsonValue) -> bool:
    if isinstance(contents, dict) and "content" in contents:
        contents = contents["content"]
    return contents not in (None, "", {}, [])
