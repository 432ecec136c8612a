"""What all declared things share, and what tells a degraded answer."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
"""Lower-case words joined by hyphens."""

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


class Declared(BaseModel):
    """What every declared thing shares: it is frozen, strict, and knows no other keys than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class OperationMark(Declared):
    """What tells a degraded answer of an operation from a full one."""

    header: str | None = None
    """The answer is degraded when it has this header."""
    json_pointer: Annotated[str | None, Field(alias="json", pattern=r"^(/[^/]*)+$")] = None
    """The answer is degraded when this RFC 6901 pointer into its body finds something true or not empty."""
    differs: bool = False
    """The answer is degraded when its shape is none that it had while nothing was broken; told by the matrix only."""


class DegradedMark(OperationMark):
    """What tells a degraded answer from a full one: in general, and for single operations of the entry instead."""

    operations: dict[str, OperationMark] = {}
    """By `GET /products/{sku}`: what stands there takes the place of what is said in general."""

    def of(self, method: str, path: str) -> OperationMark:
        """What is said of the operation that a request asks for; the one with fewest placeholders counts."""
        if not self.operations:
            return self
        asked = f"{method.upper()} {path.partition('?')[0]}"
        fitting = [name for name in self.operations if _operation_form(name).fullmatch(asked)]
        return self.operations[min(fitting, key=lambda name: name.count("{"))] if fitting else self


@cache
def _operation_form(name: str) -> re.Pattern[str]:
    """What requests for `GET /products/{sku}` look like."""
    parts = re.split(r"\{[^/{}]*\}", name)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))
