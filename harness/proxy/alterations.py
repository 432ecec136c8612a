"""What becomes of an answer that is changed or replaced: HTTP/1.1 messages from messages.

What can't be done to an answer raises ValueError, with the reason.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from http import HTTPStatus

import h11

from harness.model.changes import Act, AnswerRule, Change, FixedAnswer, Path, Twist, applied
from harness.model.exchange_rules import Breakage

BODY_LIMIT_BYTES = 2 << 20
"""Of an answer that is held back to be changed; a longer one passes unchanged."""
WITHOUT_BODY = (204, 304)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTHS = (b"content-length", b"transfer-encoding")
_STRAY = b"<"

Lines = list[tuple[bytes, bytes]]


def changed(answer: h11.Response, body: bytes, headers: Mapping[str, str], rule: AnswerRule) -> tuple[bytes, bytes]:
    """A JSON answer with the changes of a rule made, and its body; raises ValueError when they can't be."""
    document = json.loads(decoded(body, headers.get("content-encoding", "")))
    altered, met = applied(document, rule.changes)
    if not met:
        message = "there is nothing in it that the changes mean"
        raise ValueError(message)
    return rewritten(answer, _json(altered), headers)


def without(answer: h11.Response, body: bytes, headers: Mapping[str, str], path: Path) -> tuple[bytes, bytes]:
    """A JSON answer without a member, and its body."""
    encoding = headers.get("content-encoding", "")
    try:
        document = json.loads(decoded(body, encoding))
    except json.JSONDecodeError as error:
        message = "it is no JSON"
        raise ValueError(message) from error
    change = Change(act=Act.REMOVE, path=path, twist=Twist.ABSENT)
    altered, met = applied(document, [change])
    if not met:
        message = f"it has no {str(change).partition(':')[0]}"
        raise ValueError(message)
    return rewritten(answer, _json(altered), headers)


def broken(answer: h11.Response, body: bytes, headers: Mapping[str, str], how: Breakage) -> tuple[bytes, bytes]:
    """An answer whose JSON can't be read, and its body."""
    text = decoded(body, headers.get("content-encoding", ""))
    if not _is_json(text):
        message = "it is no JSON"
        raise ValueError(message)
    half = text[: len(text) // 2]
    spoiled = text.rstrip()[:-1] + _STRAY if how is Breakage.BROKEN or _is_json(half) else half
    return rewritten(answer, spoiled, headers)


def retyped(answer: h11.Response, body: bytes, headers: Mapping[str, str], content_type: str) -> tuple[bytes, bytes]:
    """An answer that says that its body is of another type, and that body."""
    if headers.get("content-type", "").strip().lower() == content_type.strip().lower():
        message = f"it is {content_type} already"
        raise ValueError(message)
    lines = [each for each in answer.headers.raw_items() if each[0].lower() not in {*_LENGTHS, b"content-type"}]
    lines += [(b"Content-Type", content_type.encode("latin-1")), (b"Content-Length", b"%d" % len(body))]
    return message_of(answer.status_code, answer.reason, _untagged(lines, body + content_type.encode()), body), body


def rewritten(answer: h11.Response, text: bytes, headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """An answer with another body, packed as the one before; and that body."""
    coded = _encoded(text, headers.get("content-encoding", ""))
    lines = [(name, value) for name, value in answer.headers.raw_items() if name.lower() not in _LENGTHS]
    lines.append((b"Content-Length", b"%d" % len(coded)))
    return message_of(answer.status_code, answer.reason, _untagged(lines, text), coded), text


def fixed(instead: FixedAnswer, connection: Lines, method: str) -> tuple[bytes, bytes]:
    """An answer that does not depend on the provider's, with the lines that tell what becomes of the connection."""
    body = instead.body.encode()
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in instead.headers]
    lines = [(name, value) for name, value in lines if name.lower() not in _LENGTHS]
    if b"connection" not in {name.lower() for name, _ in lines}:
        lines += connection
    if instead.status not in WITHOUT_BODY:
        lines.append((b"Content-Length", b"%d" % len(body)))
    none = method == "HEAD" or instead.status in WITHOUT_BODY
    return message_of(instead.status, b"", lines, b"" if none else body), body


def message_of(status: int, reason: bytes, lines: Lines, body: bytes) -> bytes:
    """An answer as bytes."""
    words = reason or (HTTPStatus(status).phrase.encode() if status in set(HTTPStatus) else b"")
    head = b"".join(b"%s: %s\r\n" % line for line in lines)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, words, head, body)


def kept_alive(request: bytes) -> bytes:
    """A request that does not ask for its connection to be closed after it."""
    head, parting, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join(lines) + parting + body


def decoded(body: bytes, encoding: str) -> bytes:
    """A body without its content encoding; raises ValueError for one that is not known, or that grows too much."""
    kind = encoding.strip().lower()
    if kind in {"", "identity"}:
        return body
    if kind not in {"gzip", "x-gzip", "deflate"}:
        message = f"its content encoding {kind!r} can't be read"
        raise ValueError(message)
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | (32 if kind != "deflate" else 0))
    text = unpacking.decompress(body, BODY_LIMIT_BYTES)
    if unpacking.unconsumed_tail:
        message = f"unpacked it is longer than {BODY_LIMIT_BYTES} bytes"
        raise ValueError(message)
    return text


def _encoded(text: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "gzip" | "x-gzip":
            return gzip.compress(text, mtime=0)
        case "deflate":
            return zlib.compress(text)
        case _:
            return text


def _untagged(lines: Lines, body: bytes) -> Lines:
    """Who keeps a changed answer must not be told later, by the provider itself, that it is still good."""
    tag = b'"changed-%08x"' % zlib.crc32(body)
    return [(name, tag if name.lower() == b"etag" else value) for name, value in lines]


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
