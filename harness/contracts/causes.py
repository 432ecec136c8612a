"""What sets one cause of failures apart from another: not the case that showed it, but the way it failed."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from pydantic import JsonValue

from harness.model.request import Request

SERVER_ERROR = 500
SHAPE_CHARS = 160
DEPTH_LIMIT = 6
MEMBERS_LIMIT = 30
_FRAME = re.compile(r'File "([^"]+)", line (\d+)|^\s*at ([\w.$<>]+)\(', re.MULTILINE)
_RAISED = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Warning|Failure))\b", re.MULTILINE)
_CHANGING = (
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`"), "…"),
    (re.compile(r"\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b", re.IGNORECASE), "…"),
    (re.compile(r"[-+]?\d[\d.,:TZ-]*"), "0"),
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CauseKey:
    """What makes two failures the same: the check, the operation, the status, and the shape of what came."""

    operation: str
    check: str
    status: int
    shape: str = ""

    @property
    def mark(self) -> str:
        """The shape in eight characters; nothing when the rest says it all."""
        return hashlib.sha256(self.shape.encode()).hexdigest()[:8] if self.shape else ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.operation, self.check, str(self.status), self.mark) if part)


@dataclass(slots=True, kw_only=True)
class Cause:
    """One reason of failures, with its smallest case."""

    key: CauseKey
    title: str
    severity: str
    told: tuple[str, ...]
    request: Request
    phase: str = ""
    """The phase of the fuzzer that saw it first."""
    count: int = 1

    @property
    def reason(self) -> str:
        """In one line: `Server error: answered 500 (3 cases)`."""
        cases = "1 case" if self.count == 1 else f"{self.count} cases"
        return f"{self.title}: answered {self.key.status} ({cases})"


def shape_of(body: bytes) -> str:
    """What stays the same of an answer when the same thing goes wrong with other values."""
    text = body.decode("utf-8", "replace")
    if not text.strip():
        return ""
    stack = _stack(text)
    if stack:
        return stack
    try:
        document: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return steady(text)
    return json.dumps(_skeleton(document, DEPTH_LIMIT), ensure_ascii=False, sort_keys=True)[: 4 * SHAPE_CHARS]


def steady(text: str) -> str:
    """A message without the values that stand in it."""
    for changing, instead in _CHANGING:
        text = changing.sub(instead, text)
    return " ".join(text.split())[:SHAPE_CHARS]


def _stack(text: str) -> str:
    """What was raised, and in which line; nothing when the text holds no stack trace."""
    frames = _FRAME.findall(text.replace("\\n", "\n").replace('\\"', '"'))
    if not frames:
        return ""
    raised = _RAISED.findall(text.replace("\\n", "\n"))
    file, line, function = frames[-1] if frames[-1][0] else frames[0]
    return f"{raised[-1] if raised else 'raised'} at {file}:{line}" if file else f"{raised or 'raised'} at {function}"


def _skeleton(node: JsonValue, depth: int) -> JsonValue:
    if depth == 0:
        return "…"
    match node:
        case dict():
            return {key: _skeleton(node[key], depth - 1) for key in sorted(node)[:MEMBERS_LIMIT]}
        case list():
            shapes = {json.dumps(_skeleton(each, depth - 1), sort_keys=True) for each in node[:MEMBERS_LIMIT]}
            return [*sorted(shapes)]
        case str():
            return steady(node)
        case _:
            return type(node).__name__
