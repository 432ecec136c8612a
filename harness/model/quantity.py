"""Durations and shares as people write them."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class _Quantity(float):
    """A number that people write with its unit: read by `parse`, written as text."""

    __slots__ = ()

    pattern: ClassVar[re.Pattern[str]]

    @classmethod
    @abstractmethod
    def parse(cls, text: object) -> Self:
        """Read it as people write it; raises ValueError when it is none."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic read it by `parse` and write it as text."""
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: object, _handler: object) -> dict[str, Any]:
        """Tell editors what it looks like."""
        return {"type": "string", "pattern": f"^{cls.pattern.pattern}$"}


class Duration(_Quantity):
    """A length of time in seconds, read from and shown as `250 ms`, `1 s`, `2 min`."""

    __slots__ = ()

    pattern = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|m|h)\s*")

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read `250ms`, `1.5 s`, `2m`; a bare number is refused, since its unit would be a guess.

        Raises:
            ValueError: if `text` is not a duration.
        """
        if isinstance(text, cls):
            return text
        match = cls.pattern.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            message = f"expected a duration such as '250ms', '1.5s' or '2m', found {text!r}"
            raise ValueError(message)
        return cls(float(match[1]) * _UNITS_S[match[2]])

    def __str__(self) -> str:
        """The shortest form with a unit."""
        if self >= 60 and self % 60 == 0:  # noqa: PLR2004 -- seconds in a minute
            return f"{self / 60:g} min"
        if self >= 1 or float(self) == 0.0:
            return f"{float(self):g} s"
        return f"{self * 1000:.4g} ms"

    __repr__ = __str__


class Share(_Quantity):
    """A part of a whole, 0 to 1, read from and shown as `99.9%`."""

    __slots__ = ()

    pattern = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read `5%` or `99.9 %`.

        Raises:
            ValueError: if `text` is not a percentage between 0 and 100.
        """
        if isinstance(text, cls):
            return text
        match = cls.pattern.fullmatch(text) if isinstance(text, str) else None
        if match is None or float(match[1]) > 100:  # noqa: PLR2004 -- per cent
            message = f"expected a percentage such as '1%' or '99.9%', found {text!r}"
            raise ValueError(message)
        return cls(float(match[1]) / 100)

    def __str__(self) -> str:
        """In per cent, with three significant digits."""
        return f"{self * 100:.4g}%" if self > 0.9 else f"{self * 100:.3g}%"  # noqa: PLR2004 -- 99.95% needs the digit

    __repr__ = __str__
