"""The dictionary: what hostile clients send."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

NONSENSE = "zq7x"
"""Begins what nothing is called, so that an honest search finds nothing."""
OVERSIZE_CHARS = 1024 * 1024
"""Of one text."""
OVERSIZE_BODY_CHARS = 4 * 1024 * 1024
"""Of a member that nobody asked for."""
OVERSIZE_QUERY_CHARS = 8000
DEEP_LEVELS = 20_000
SCRIPT = "<script>alert(7391)</script>"
FOREIGN_HOST = "harness.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tautology:
    """SQL that is always true, the same that never is, and the same without anything that SQL would notice."""

    always: str
    never: str
    plain: str


def _tautology(form: str) -> Tautology:
    always, never = form.replace("?", "1"), form.replace("?", "2")
    plain = "".join(char if char.isalnum() else " " for char in always)
    return Tautology(always=always, never=never, plain=plain)


TAUTOLOGIES = tuple(
    map(
        _tautology,
        (
            f"{NONSENSE}' OR '1'='?",
            f"{NONSENSE}' OR 1=? -- ",
            f"{NONSENSE}') OR ('1'='?",
            f"{NONSENSE}%' OR '1'='?",
            f'{NONSENSE}" OR "1"="?',
            "0 OR 1=?",
        ),
    )
)
"""What quotes the value in SQL decides which of them works."""

WORDS = (
    ("a quote", "it's"),
    ("SQL", "'; SELECT 1/0; --"),
    ("NUL", "a\x00b"),
    ("a lone surrogate", "\ud800"),
    ("a format", "%s%n{0}${7*7}{{7*7}}"),
    ("a path", "../../../../etc/passwd"),
    ("a right-to-left mark", "\u202eabc\ufeff"),
)
"""Texts that must be answered somehow; those that can't be sent where they are to stand are left out there."""

BODIES = (
    ("bytes that are no UTF-8", b'{"a": "\xff\xfe"}'),
    ("UTF-16", '{"a": 1}'.encode("utf-16")),
    ("NUL bytes", b"\x00" * 16),
    ("deep JSON", b"[" * DEEP_LEVELS + b"]" * DEEP_LEVELS),
    ("deep JSON in a member", b'{"a":' * DEEP_LEVELS + b"1" + b"}" * DEEP_LEVELS),
    ("a number that no float holds", b'{"a": 1e999999, "b": -9999999999999999999999999999999999}'),
    ("not a number", b'{"a": NaN}'),
    ("half of it", b'{"a": '),
)

FORGED = (
    ("a token that is nobody's", "Bearer harness.is.nobody"),
    ("an empty token", "Bearer "),
    ("another scheme", "Basic YWRtaW46YWRtaW4="),
)


def unsigned(token: str) -> str:
    """The same claims in a JWT that nobody signed; nothing when it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 -- header, claims, signature
        return ""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{head}.{parts[1]}."


IDENTITIES = (
    "X-Customer",
    "X-Customer-Id",
    "X-User",
    "X-User-Id",
    "X-Forwarded-User",
    "X-Authenticated-User",
    "X-Remote-User",
    "Remote-User",
    "X-Forwarded-Email",
)
"""Headers in which a proxy says whom it let in."""
ORIGINS = (("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("X-Original-URL", "/healthz"))
"""Headers in which a proxy says whence it came."""
HOSTS = ("X-Forwarded-Host", "Forwarded")
SOMEBODY = "1"
