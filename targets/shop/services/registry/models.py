"""What the registry takes and answers."""

from __future__ import annotations

from typing import Annotated

from kit.words import Strict
from pydantic import BeforeValidator, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", examples=["catalog-1"])]
Version = Annotated[str, Field(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$", examples=["1.0.0"])]
Document = Annotated[str, Field(pattern=r"^/[a-z0-9./-]{0,99}$", examples=["/openapi.json"])]


def _whole(value: object) -> object:
    """To JSON Schema `6.0` is an integer, so it must be one here too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Lease(Strict):
    """An instance says that it is there, for so long."""

    service: Name
    instance: Name
    zone: Name
    version: Version
    owner: Name
    documents: Annotated[list[Document], Field(max_length=8)]
    lease_s: Annotated[int, Field(ge=1, le=60, examples=[6]), BeforeValidator(_whole)]


class Leased(Strict):
    """The registry has an instance on its list, or has it no more."""

    instance: Name


class Instance(Strict):
    """An instance, and whether it is up by the registry's own judgement; `why` says why not."""

    instance: Name
    service: Name
    zone: Name
    version: Version
    owner: Name
    documents: list[Document]
    up: bool
    why: str | None
    checked_at: str | None
    registered_at: str


class Instances(Strict):
    """All instances that have registered lately, those that are down included."""

    instances: list[Instance]


FlagValue = bool | Annotated[float, Field(ge=0, le=1)]
"""On or off, or the share of those for whom it is on."""


class FlagRequest(Strict):
    """What a flag is to be."""

    value: Annotated[FlagValue, Field(examples=[0.1])]


class Flag(Strict):
    """A feature flag; `durable` says whether the bucket has it, so that it outlasts the registry."""

    name: Name
    value: FlagValue
    durable: bool


class FlagList(Strict):
    """All feature flags."""

    flags: list[Flag]
