"""What a consumer's tests use to write down what it relies on, without Pact's ways of writing down nothing."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

import pact
from pact.interaction import AsyncMessageInteraction, HttpInteraction
from pydantic import JsonValue

from harness.contracts.pact_merge import pact_document
from harness.contracts.pacts import Interaction, JsonObject, read_pact
from harness.errors import ContractError, DeclarationError

_NO_TRACKING = "PACT_DO_NOT_TRACK"
"""Pact tells its makers of each test unless this is set."""
LOOPBACK = "127.0.0.1"

Take = Callable[[bytes, Mapping[str, JsonValue]], Awaitable[object] | object]
"""A consumer's way of taking a message: its body and its metadata."""


class Consumer:
    """One consumer's expectations of one provider within one test.

    `with` it: only when the block ends without an exception, and each interaction in it was exercised,
    it is written to `fragments`, from where `pact_merge.merge` gathers it.
    """

    def __init__(self, consumer: str, provider: str, *, fragments: Path) -> None:
        self.consumer = consumer
        self.provider = provider
        self._fragments = fragments
        os.environ[_NO_TRACKING] = "true"
        self._pact = pact.Pact(consumer, provider)
        self._http: list[str] = []
        self._messages: list[str] = []
        self._exercised: set[str] = set()
        self._frozen = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if kind is None:
            self._keep()

    def upon_receiving(self, description: str) -> HttpInteraction:
        """A request of this consumer: describe it, and the answer that it relies on, in Pact's own words.

        Raises:
            ContractError: when the description was used before, or after `serve`, when Pact no longer listens.
        """
        self._describe(description, self._http)
        return _Http(self._pact._handle, description)  # noqa: SLF001 -- Pact offers no way to give its own subclass

    def upon_message(self, description: str) -> AsyncMessageInteraction:
        """A message that this consumer takes; raises as `upon_receiving`."""
        self._describe(description, self._messages)
        return _Message(self._pact._handle, description)  # noqa: SLF001 -- as above

    @contextmanager
    def serve(self) -> Iterator[str]:
        """A provider on loopback that answers as agreed; gives its URL.

        Raises:
            AssertionError: when the consumer asked for something else, or not for everything.
        """
        if not self._http:
            raise ContractError("expected an interaction before serve(), found none: call upon_receiving first")
        self._frozen = True
        with self._pact.serve(addr=LOOPBACK, raises=False, verbose=False) as server:
            try:
                yield str(server.url)
            except Exception as error:
                if not server.matched:
                    raise _mismatched(self.consumer, server.mismatches) from error
                raise
            if not server.matched:
                raise _mismatched(self.consumer, server.mismatches)
        self._exercised |= set(self._http)

    async def deliver(self, take: Take) -> None:
        """Hand each agreed message to the consumer; what `take` returns is awaited when it can be.

        Raises:
            ContractError: when a message has no contents.
        """
        if not self._messages:
            raise ContractError("expected a message before deliver(), found none: call upon_message first")
        self._frozen = True
        for message in self._pact.interactions("Async"):
            contents, description = message.contents, str(message.description)
            body = contents.contents if contents else None
            if contents is None or not body:
                text = f"expected contents in the message {description!r}: describe what the consumer reads"
                raise ContractError(text)
            metadata = {pair.key: _json_or_text(pair.value) for pair in contents.metadata}
            result = take(body.encode() if isinstance(body, str) else body, metadata)
            if inspect.isawaitable(result):
                await result
            self._exercised.add(description)

    def _describe(self, description: str, group: list[str]) -> None:
        if self._frozen:
            message = f"{description!r} comes after serve() or deliver(): Pact would leave it out; describe it before"
            raise ContractError(message)
        if description in (*self._http, *self._messages):
            message = f"duplicate interaction {description!r}: one would replace the other; describe each differently"
            raise ContractError(message)
        group.append(description)

    def _keep(self) -> None:
        described = {*self._http, *self._messages}
        if not described:
            message = f"expected an interaction of {self.consumer} with {self.provider}, found none: nothing was agreed"
            raise ContractError(message)
        idle = sorted(described - self._exercised)
        if idle:
            message = f"never exercised: {', '.join(map(repr, idle))}; call the consumer inside serve() or deliver()"
            raise ContractError(message)
        for interaction in self._written():
            keep_fragment(self._fragments, self.consumer, self.provider, interaction)

    def _written(self) -> tuple[Interaction, ...]:
        with tempfile.TemporaryDirectory(prefix="pact-") as directory:
            self._pact.write_file(directory, overwrite=True)
            try:
                interactions = read_pact(next(Path(directory).glob("*.json"))).interactions
            except DeclarationError as error:
                raise ContractError("; ".join(problem.message for problem in error.problems)) from None
        for interaction in interactions:
            _refuse_empty_examples(interaction)
        return interactions


class _Http(HttpInteraction):
    def with_body(
        self, body: Any = None, content_type: str | None = None, part: Literal["Request", "Response"] | None = None
    ) -> Self:
        """As Pact's, but never guesses the content type."""
        _refuse_guess(content_type)
        return super().with_body(body, content_type, part)


class _Message(AsyncMessageInteraction):
    def with_body(
        self, body: Any = None, content_type: str | None = None, part: Literal["Request", "Response"] | None = None
    ) -> Self:
        """As Pact's, but never guesses the content type."""
        _refuse_guess(content_type)
        return super().with_body(body, content_type, part)


def _refuse_guess(content_type: str | None) -> None:
    if not content_type:
        raise ContractError("expected with_body(…, content_type=…), found none: Pact would guess what the body is")


def keep_fragment(fragments: Path, consumer: str, provider: str, interaction: Interaction) -> Path:
    """Write one exercised interaction as a pact of its own; `pact_merge.merge` makes one file of all.

    Raises:
        ContractError: when another test told something else under the same description and state.
    """
    key = json.dumps([consumer, provider, interaction.identity])
    file = fragments / f"{consumer}-{provider}.{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    if file.exists() and read_pact(file).interactions[0].document != interaction.document:
        message = (
            f"two tests tell different things of {interaction.label!r} ({consumer} → {provider}): "
            "one would replace the other; give each a description of its own"
        )
        raise ContractError(message)
    fragments.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(pact_document(consumer, provider, [interaction])), encoding="utf-8")
    return file


def _refuse_empty_examples(interaction: Interaction) -> None:
    for part in (interaction.document, interaction.document.get("request"), interaction.document.get("response")):
        if not isinstance(part, dict):
            continue
        body = part.get("body", part.get("contents"))
        rules = part.get("matchingRules")
        rules = rules.get("body") if isinstance(rules, dict) else None
        if isinstance(body, dict) and isinstance(rules, dict):
            _refuse_null_at(interaction, body.get("content"), rules)


def _refuse_null_at(interaction: Interaction, content: JsonValue, rules: JsonObject) -> None:
    for path, rule in rules.items():
        kinds = _kinds(rule)
        found, value = _look_up(content, path)
        if found and value is None and "null" not in kinds:
            message = (
                f"{interaction.description!r}: the matcher at {path} has no example, so the pact would hold null; "
                "give it one, as in match.uuid('4c6e7f10-9c1f-4b5e-8d37-5df3c4f3d9b1')"
            )
            raise ContractError(message)


def _kinds(rule: JsonValue) -> set[str]:
    matchers = rule.get("matchers") if isinstance(rule, dict) else None
    return (
        {str(each.get("match")) for each in matchers if isinstance(each, dict)} if isinstance(matchers, list) else set()
    )


def _look_up(content: JsonValue, path: str) -> tuple[bool, JsonValue]:
    """The value at a Pact path such as `$.items[0].sku`; paths with wildcards find nothing."""
    steps = path.replace("['", ".").replace("']", "").replace("[", ".").replace("]", "").split(".")[1:]
    for step in filter(None, steps):
        if isinstance(content, dict) and step in content:
            content = content[step]
        elif isinstance(content, list) and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
        elif isinstance(content, list) and step == "*" and content:
            content = content[0]
        else:
            return False, None
    return True, content


def _json_or_text(value: str) -> JsonValue:
    try:
        return cast("JsonValue", json.loads(value))
    except json.JSONDecodeError:
        return value


def _mismatched(consumer: str, mismatches: Sequence[object]) -> AssertionError:
    lines = "\n".join(f"  {each}" for each in mismatches)
    return AssertionError(f"{consumer} does not ask as agreed:\n{lines}")
