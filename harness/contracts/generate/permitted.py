"""What one operation of a provider may answer, by its OpenAPI document and by what it has agreed with its consumer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from jsonschema import Draft202012Validator
from pydantic import JsonValue
from referencing import Registry

from harness.contracts.conformance import Conformance
from harness.contracts.generate.facts import Schema, Schemas
from harness.contracts.generate.promised import asked, promised
from harness.contracts.pacts import Interaction, Kind
from harness.model.changes import AnswerRule, Change
from harness.model.observation import AnswerClass, DistinctAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and what its answer was besides its body."""

    method: str
    path: str
    status: int
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


class Permitted:
    """The answers of one operation with one status."""

    def __init__(
        self,
        like: Asked,
        conformance: Conformance | None,
        interactions: Sequence[Interaction],
        samples: Sequence[JsonValue],
    ) -> None:
        self.like = like
        self._conformance = conformance
        self.template = (conformance.template(like.method, like.path) if conformance else "") or _bare(like.path)
        self._promises = [
            schema
            for each in interactions
            if each.kind is Kind.HTTP and self._is_meant(*asked(each)) and (schema := promised(each)) is not None
        ]
        registry: Registry[Schema] = conformance.registry if conformance else Registry()
        self.schemas = Schemas(registry)
        declared = conformance and conformance.validator(like.method, like.path, like.status, like.content_type)
        fitting = [each for each in self._promises if any(self.schemas.fits(each, sample) for sample in samples)]
        # A promise that no healthy answer keeps is about something else: another form of request, another tenant.
        self._promises = fitting
        self.schema: Sequence[Schema] = [declared.schema] if declared else fitting  # type: ignore[list-item]  # never true or false here
        self.by_document = declared is not None

    @property
    def known(self) -> bool:
        """Whether anything says what may be answered."""
        return bool(self.schema)

    def problem(self, document: JsonValue) -> str:
        """Why this may not be answered; empty when it may."""
        if not self.known:
            return "nothing says what may be answered"
        try:
            text = json.dumps(document, ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, RecursionError) as error:
            return f"it is no JSON: {error}"
        if self._conformance is not None and self.by_document:
            problems = self._conformance.problems(_answer(self.like, text))
            if problems is None:
                return "the document can't judge it"
            if problems:
                return problems[0]
        if self._promises and not any(self.schemas.fits(each, document) for each in self._promises):
            return f"{PROMISED}: {self._broken(document)}"
        return ""

    def rule(self, changes: Sequence[Change]) -> AnswerRule:
        """What the HTTP stage is told."""
        like = self.like
        path = (
            self._conformance.expression(like.method, like.path) if self._conformance else re.escape(_bare(like.path))
        )
        return AnswerRule(method=like.method, path=path, status=like.status, changes=tuple(changes))

    def _is_meant(self, method: str, path: str, status: int) -> bool:
        if (method, status) != (self.like.method, self.like.status):
            return False
        template = self._conformance.template(method, path) if self._conformance else ""
        return (template or _bare(path)) == self.template

    def _broken(self, document: JsonValue) -> str:
        errors = Draft202012Validator(self._promises[0]).iter_errors(document)
        return next((f"{each.json_path}: {each.message:.120}" for each in errors), "")


PROMISED = "the pact promises otherwise"


def _bare(path: str) -> str:
    return path.partition("?")[0]


def _answer(like: Asked, text: str) -> DistinctAnswer:
    return DistinctAnswer(
        t=0.0,
        journey="",
        request="",
        method=like.method,
        path=like.path,
        status=like.status,
        answer=AnswerClass.FULL,
        shape="",
        content_type=like.content_type,
        headers=dict(like.headers),
        body=text,
    )
