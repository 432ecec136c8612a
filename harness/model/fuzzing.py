"""What is declared about fuzzing: `fuzz.yaml` in the folder of contracts."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue

from harness.model.declared import Declared, HeaderName, Name
from harness.model.system import HeaderValue

_PLACE = re.compile(r"\{([\w.-]+)\}")

Reason = Annotated[str, Field(min_length=3, max_length=400)]
"""Why something is left out; nothing is left out in silence."""
Word = Annotated[str, Field(min_length=1, max_length=1000)]

FUZZER_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "object_level_authorization",
)
"""Those of Schemathesis."""


class HostileCheck(StrEnum):
    """Those of our own, made after Schemathesis."""

    SURVIVES = "hostile-input"
    """No hostile value makes a server error."""
    TAUTOLOGY = "sql-tautology"
    """A condition that is always true finds no more than one that never is."""
    SCRIPT = "script"
    """A script comes back in a page only when it can't run."""
    OVERSIZE = "oversize"
    """What is far too long is refused."""
    INSIDE = "tells-inside"
    """No answer shows a stack trace or what the database said."""
    NO_TOKEN = "no-token"  # noqa: S105 -- the name of a check
    """Who shows no token, or a forged one, is refused."""
    ANOTHER = "another-customer"
    """One customer does not get what is another's."""
    TRUSTED_HEADER = "trusted-header"
    """Headers that only a proxy of one's own may set change nothing."""
    WRONG_METHOD = "wrong-method"
    """A method that is not declared is refused."""


class Preset(StrEnum):
    """What a framework does by itself, and is told apart from findings."""

    FASTAPI = "fastapi"
    """It answers 400 to a body that is no text, and takes `"1"` or `true` for 1."""


class Another(Declared):
    """A second customer, who must not get what is the first one's; his headers take the place of the first one's."""

    headers: Annotated[dict[HeaderName, HeaderValue], Field(min_length=1)]
    """`{secret.NAME}` and `{env.NAME}` are filled in."""


class Example(Declared):
    """Values with which an operation can be asked, and an honest answer comes."""

    path: dict[str, tuple[str | int, ...]] = Field(default_factory=dict)
    query: dict[str, tuple[str | int, ...]] = Field(default_factory=dict)
    body: JsonValue = None


class ServiceFuzz(Declared):
    """How one service is fuzzed; with nothing declared, everything is tried."""

    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """Sent along beside those of `access`; `{secret.NAME}` and `{env.NAME}` are filled in."""
    words: tuple[Word, ...] = ()
    """Strings that mean something to this service; mixed into what is generated."""
    examples: dict[str, Example] = Field(default_factory=dict)
    """By `GET /products/{sku}`."""
    leave_out: dict[str, Reason] = Field(default_factory=dict)
    """Operations that are not fuzzed, and why."""
    checks_off: dict[str, Reason] = Field(default_factory=dict)
    """Checks that are not made, and why."""
    preset: Preset | None = None
    private: tuple[str, ...] = ()
    """Operations whose answers belong to the customer who asks; only of these can be told that another's is wrong."""
    identity_headers: tuple[HeaderName, ...] = ()
    """Further headers that must not be believed when they come from outside."""
    another: Another | None = None
    """Instead of the one for all services."""


class FuzzSettings(Declared):
    """The whole of `fuzz.yaml`."""

    another: Another | None = None
    services: dict[Name, ServiceFuzz] = Field(default_factory=dict)

    def of(self, service: str) -> ServiceFuzz:
        """What is declared of a service, with what is declared for all."""
        own = self.services.get(service, ServiceFuzz())
        return own if own.another else own.model_copy(update={"another": self.another})


def placeholders(text: str) -> list[str]:
    """The names in braces that a header's value asks for."""
    return _PLACE.findall(text)


def with_values(text: str, value_of: Callable[[str], str]) -> str:
    """A header's value with its placeholders filled in."""
    return _PLACE.sub(lambda found: value_of(found[1]), text)
