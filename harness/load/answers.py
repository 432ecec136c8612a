"""One HTTP answer judged by itself: its class (VERDICTS V2), and the shape of its body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pydantic import JsonValue

from harness.model.declared import DegradedMark
from harness.model.observation import AnswerClass
from harness.model.pointer import MISSING, pointed

DEPTH_LIMIT = 32
"""Levels of a document that its shape tells apart."""

DOCUMENTS_KEPT = 512
"""Bodies whose document is remembered: many answers are the same to the byte."""

KEPT_LIMIT_BYTES = 4 * 1024
"""Of a body that is remembered, so that all of them are at most 2 MiB."""

_encoded = json.encoder.encode_basestring_ascii

_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR, _END = 200, 300, 400, 500, 600
_MAY_BE_EMPTY = frozenset({204, 205})
_NEEDS_RETRY_AFTER = frozenset({429, 503})
_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one request; names of headers are in lower case."""

    method: str
    status: int
    """0 when no answer came."""
    headers: Mapping[str, str]
    body: bytes | None
    """None when nobody read it."""
    error: str = ""
    """What the client or the locustfile found wrong: a time-out, a reset, wrong data."""
    path: str = ""
    """What was asked for, by which its mark is found; without it, the general one counts."""

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer's class and the shape of its body."""

    answer: AnswerClass
    shape: str


class _Document:
    __slots__ = ("_shape", "value")

    def __init__(self, value: JsonValue) -> None:
        self.value = value
        self._shape = ""

    @property
    def shape(self) -> str:
        """Told apart by names and types, and computed once: whoever asks for a mark doesn't ask for it."""
        if not self._shape:
            structure = _structure(self.value, DEPTH_LIMIT)
            self._shape = hashlib.blake2b(structure.encode(), digest_size=8).hexdigest()
        return self._shape


def judge(reply: Reply, mark: DegradedMark) -> Judged:
    """The class of an answer, by itself, and the shape of its body."""
    document = _document(reply)
    return Judged(answer=_class(reply, document, mark), shape=_shape(reply, document))


def is_marked(reply: Reply, mark: DegradedMark) -> bool:
    """Whether an answer carries the declared mark of a degraded one."""
    return _marked(reply, _document(reply), mark)


def _class(reply: Reply, document: _Document | None, mark: DegradedMark) -> AnswerClass:
    if not _OK <= reply.status < _END or cut_short(reply):
        return AnswerClass.DIRTY
    if reply.status >= _CLIENT_ERROR:
        return AnswerClass.CLEAN if _is_clean_failure(reply, document) else AnswerClass.DIRTY
    if reply.error or (_owes_json(reply) and document is None):
        return AnswerClass.DIRTY
    if reply.status >= _REDIRECT:
        return AnswerClass.FULL
    if reply.body == b"" and reply.status not in _MAY_BE_EMPTY and reply.method != "HEAD":
        return AnswerClass.DIRTY
    return AnswerClass.DEGRADED if _marked(reply, document, mark) else AnswerClass.FULL


def _is_clean_failure(reply: Reply, document: _Document | None) -> bool:
    declared = reply.status < _SERVER_ERROR or reply.status in _NEEDS_RETRY_AFTER
    if reply.status in _NEEDS_RETRY_AFTER and not reply.headers.get("retry-after"):
        return False
    if reply.method == "HEAD":
        return declared
    return declared and reply.content_type == _PROBLEM and document is not None and isinstance(document.value, dict)


def cut_short(reply: Reply) -> bool:
    """Whether less of a body came than the headers promise."""
    length = reply.headers.get("content-length", "")
    if reply.body is None or reply.method == "HEAD" or "content-encoding" in reply.headers or not length.isdecimal():
        return False
    return len(reply.body) < int(length)


def _owes_json(reply: Reply) -> bool:
    if reply.body is None or reply.method == "HEAD" or reply.status in _MAY_BE_EMPTY:
        return False
    if reply.status >= _REDIRECT and not reply.body:
        return False
    return _says_json(reply)


def _says_json(reply: Reply) -> bool:
    kind = reply.content_type
    return kind == "application/json" or kind.endswith("+json")


def _document(reply: Reply) -> _Document | None:
    if not reply.body or not _says_json(reply):
        return None
    return _known_document(reply.body) if len(reply.body) <= KEPT_LIMIT_BYTES else _read_document(reply.body)


def _read_document(body: bytes) -> _Document | None:
    try:
        return _Document(json.loads(body))
    except (ValueError, RecursionError):
        return None


_known_document = lru_cache(maxsize=DOCUMENTS_KEPT)(_read_document)


def _marked(reply: Reply, document: _Document | None, marks: DegradedMark) -> bool:
    mark = marks.of(reply.method, reply.path)
    if mark.header is not None and mark.header.lower() in reply.headers:
        return True
    if mark.json_pointer is None or document is None:
        return False
    found = pointed(document.value, mark.json_pointer)
    return found is not MISSING and bool(found)


def _shape(reply: Reply, document: _Document | None) -> str:
    if not reply.status:
        return reply.error.partition(":")[0]
    if document is not None:
        return document.shape
    if reply.body is None:
        return "unread"
    return f"{'text' if reply.body else 'empty'} {reply.content_type}".strip()


def _structure(value: JsonValue, depth: int) -> str:
    if isinstance(value, dict):
        if not depth:
            return "{…}"
        return "{" + ",".join(f"{_encoded(key)}:{_structure(value[key], depth - 1)}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + "|".join(sorted({_structure(each, depth - 1) for each in value})) + "]" if depth else "[…]"
    return type(value).__name__
