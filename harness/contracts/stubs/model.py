"""What a stub plays: requests, what they must be, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from harness.contracts.rules import Rule, Rules

Texts = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks of a stub; header names are in small letters."""

    method: str
    path: str
    query: Texts = field(default_factory=dict)
    headers: Texts = field(default_factory=dict)
    body: bytes = b""

    @property
    def label(self) -> str:
        """`POST /charges`."""
        return f"{self.method} {self.path}"

    @property
    def kind(self) -> str:
        """The media type of its body."""
        return media_type(next(iter(self.headers.get("content-type", ())), ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a request must be; what is None or missing may be anything."""

    method: str
    path: str
    path_rule: Rule | None = None
    query: Texts | None = None
    query_rules: Mapping[str, Rule] = field(default_factory=dict)
    headers: Texts = field(default_factory=dict)
    header_rules: Mapping[str, Rule] = field(default_factory=dict)
    body: JsonValue = None
    body_kind: str = ""
    """Its media type; empty when the body may be anything."""
    body_rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the provider gives, as agreed."""

    status: int
    headers: Texts = field(default_factory=dict)
    body: JsonValue = None
    body_kind: str = ""
    body_rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stubbed:
    """An interaction that a stub plays."""

    description: str
    states: tuple[str, ...] = ()
    expected: Expected
    answer: Answer

    @property
    def label(self) -> str:
        """The description, with its states."""
        return f"{self.description!r}" + (f", given {' and '.join(self.states)!r}" if self.states else "")

    def chosen_by(self, choice: str) -> bool:
        """Whether a state's name, or a description, means it."""
        return choice == self.description or choice in self.states


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which states, or descriptions, somebody wants; when it is `only`, no other interaction may answer."""

    names: tuple[str, ...] = ()
    only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a request."""

    reply: Reply
    line: str
    """In words, on one line."""
    matched: bool


def media_type(text: str) -> str:
    """A media type without its parameters, in small letters."""
    return text.partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is one of JSON."""
    return kind == "application/json" or kind.endswith("+json")
