"""RFC 6901: what a JSON pointer finds in a document."""

from __future__ import annotations

import re
from enum import Enum
from typing import Literal

from pydantic import JsonValue

_FORM = re.compile(r"(/([^/~]|~[01])*)*")


class _Missing(Enum):
    MISSING = "missing"


MISSING = _Missing.MISSING
"""Nothing stands there, not even null."""


def is_pointer(text: str) -> bool:
    """Whether it has the form of one; the empty one stands for the whole document."""
    return _FORM.fullmatch(text) is not None


def pointed(document: JsonValue, pointer: str) -> JsonValue | Literal[_Missing.MISSING]:
    """What stands at a pointer; MISSING when it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return MISSING
    return document
