"""The vocabulary of every API of the shop, as strict types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_SKU = r"^sku-[0-9]{4}$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


class Strict(BaseModel):
    """What we accept and what we answer: no unknown keys, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Tolerant(BaseModel):
    """What we read of others' answers: unknown keys are theirs to add, but types must be right."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


def _digits(value: object) -> object:
    """Let only plain digits become a number: pydantic would read `1.0`, ` 1` and `1_0` as well."""
    if not isinstance(value, str):
        return value
    if value.isascii() and value.isdigit():
        return int(value) if len(value) < 17 else value  # noqa: PLR2004 -- more digits than any limit allows
    message = "expected digits"
    raise ValueError(message)


def _whole(value: object) -> object:
    """To JSON Schema `12.0` is an integer, so it must be one here too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
Sku = Annotated[str, Field(pattern=_SKU, examples=["sku-0001"])]
Uuid = Annotated[str, Field(pattern=_UUID, examples=["6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"])]
Quantity = Annotated[int, Field(ge=1, le=20, examples=[1]), Whole]
Cents = Annotated[int, Field(ge=1, le=100_000_000, examples=[1999]), Whole]
"""An amount of money; 100 million cents fit into PostgreSQL's four-byte integer."""
Stars = Annotated[int, Field(ge=1, le=5, examples=[4]), Whole]
PRINTABLE = r"^[^\u0000-\u001f\u007f]+$"
"""Text without control characters, which PostgreSQL, logs and terminals would take amiss."""
Prose = Annotated[str, Field(max_length=1000, pattern=PRINTABLE, examples=["It does what its name says."])]
CardToken = Annotated[str, Field(pattern=r"^tok-[a-z0-9-]{1,60}$", examples=["tok-visa-0001"])]
KeyText = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$", examples=["key-00000001"])]
PageSize = Annotated[int, Field(ge=1, le=500, examples=[100]), BeforeValidator(_digits)]
PageStart = Annotated[int, Field(ge=0, le=2**53, examples=[0]), BeforeValidator(_digits)]
"""The sequence number after which a page begins; opaque to callers, who follow `next`."""


class Line(Strict):
    """So many of one product."""

    sku: Sku
    quantity: Quantity


Lines = Annotated[list[Line], Field(min_length=1, max_length=20, examples=[[{"sku": "sku-0001", "quantity": 1}]])]


class Problem(Strict):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str


def merged(lines: list[Line]) -> dict[str, int]:
    """The quantities by sku, in the order of the skus, for orders that name a product twice."""
    total: dict[str, int] = {}
    for line in sorted(lines, key=lambda line: line.sku):
        total[line.sku] = total.get(line.sku, 0) + line.quantity
    return total
