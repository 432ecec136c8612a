"""A request as a line that one can paste into a shell."""

from __future__ import annotations

import re
import shlex

from harness.model.request import Request

ARGUMENT_BYTES = 100_000
"""No system takes an argument that is much longer; a longer body is piped."""
_RUN = re.compile(r"(.)\1{999,}", re.DOTALL)


def curl(request: Request) -> str:
    """The line that sends the same again."""
    words = ["curl", "-i", "-g", "--path-as-is", "-X", request.method]
    for name, value in request.headers:
        words += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
    piped = ""
    if request.body is not None:
        if not any(name.lower() == "content-type" for name, _ in request.headers):
            words += ["-H", "'Content-Type:'"]
        text = _text(request.body)
        if len(request.body) > ARGUMENT_BYTES and text and _RUN.search(text):
            piped = "{ " + "; ".join(_printed(text)) + "; } | "
        words += ["--data-binary", "@-" if piped else quoted(request.body)]
    return piped + " ".join([*words, _short(request.url)])


def quoted(body: bytes) -> str:
    """A body so that a shell sends the same."""
    text = _text(body)
    if text.isprintable() and not text.startswith("@") and (text or not body):
        return _short(text)
    return "$'" + "".join(f"\\x{byte:02x}" for byte in body) + "'"


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return ""


def _short(text: str) -> str:
    """Quoted, with what is repeated very often told by a command."""
    parts = [f'"$({_many(part)})"' if _RUN.fullmatch(part) else shlex.quote(part) for part in _parts(text)]
    return "".join(parts) or "''"


def _printed(text: str) -> list[str]:
    return [_many(part) if _RUN.fullmatch(part) else f"printf %s {shlex.quote(part)}" for part in _parts(text)]


def _many(run: str) -> str:
    return f"head -c {len(run)} /dev/zero | tr '\\0' {shlex.quote(run[0])}"


def _parts(text: str) -> list[str]:
    parts, last = [], 0
    for found in _RUN.finditer(text):
        parts += [text[last : found.start()], found[0]]
        last = found.end()
    return [part for part in (*parts, text[last:]) if part]
