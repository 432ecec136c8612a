"""What looks like a secret in recorded traffic, and is never written down."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from pydantic import JsonValue

REDACTED = "redacted"
_NAMES = (
    *("password", "passwd", "passphrase", "secret", "token", "authorization", "cookie", "apikey", "accesskey"),
    *("credential", "signature", "cvv", "cvc", "cardnumber", "iban", "sessionid", "otp"),
)
_SEPARATORS = re.compile(r"[^a-z0-9]")
_VALUES = (
    re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"),
    re.compile(r"(?i)(bearer|basic|digest)\s+\S+"),
    re.compile(r"(?i)(sk|pk|rk|ghp|gho|xox[a-z])[-_]\w{12,}"),
    re.compile(r"(?=[^\s/:.]*[0-9])(?=[^\s/:.]*[A-Za-z])[^\s/:.]{40,}"),
    re.compile(r"(?=.*[0-9])[0-9a-f]{32,}"),
)


def is_secret(name: str, value: object) -> bool:
    """Whether a member of that name, or of that value, is to be left out of what is written down."""
    bare = _SEPARATORS.sub("", name.lower())
    if isinstance(value, str | int | float) and not isinstance(value, bool) and any(part in bare for part in _NAMES):
        return True
    return isinstance(value, str) and any(pattern.fullmatch(value.strip()) for pattern in _VALUES)


def without_secrets(value: JsonValue, name: str = "") -> tuple[JsonValue, bool]:
    """A document without its secrets, and whether there were any."""
    if is_secret(name, value):
        return (REDACTED if isinstance(value, str) else 0), True
    if isinstance(value, dict):
        members = {key: without_secrets(each, key) for key, each in value.items()}
        return {key: each for key, (each, _) in members.items()}, any(hidden for _, hidden in members.values())
    if isinstance(value, list):
        elements = [without_secrets(each, name) for each in value]
        return [each for each, _ in elements], any(hidden for _, hidden in elements)
    return value, False


def open_path(path: str) -> tuple[str, bool]:
    """A path without the secrets in its parts, and whether there were any; the query is left out."""
    parts = urlsplit(path).path.split("/")
    clean = [REDACTED if is_secret("", part) else part for part in parts]
    return "/".join(clean), clean != parts


def open_query(path: str) -> tuple[dict[str, list[str]], bool]:
    """The query of a path by name, without secrets, and whether there were any."""
    found: dict[str, list[str]] = {}
    hidden = False
    for name, value in parse_qsl(urlsplit(path).query, keep_blank_values=True):
        secret = is_secret(name, value)
        hidden = hidden or secret
        found.setdefault(name, []).append(REDACTED if secret else value)
    return found, hidden
