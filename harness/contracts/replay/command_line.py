"""A request as a curl line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from harness.model.replayed import Asked

HIDDEN = "***"
"""Stands for a secret that the harness sends along."""


def curl(asked: Asked, url: str, *, secrets: Iterable[str] = (), marks: Mapping[str, str] | None = None) -> str:
    """What asks the same of the service at `url`; the headers `secrets` are to be filled in."""
    words = ["curl", "-i", "-g", "--path-as-is", "-X", asked.method]
    headers = {**asked.headers, **dict.fromkeys(asked.fresh, "NEW"), **dict.fromkeys(secrets, HIDDEN), **(marks or {})}
    for name, value in headers.items():
        words += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
    if asked.body:
        words += ["--data-binary", _quoted(asked.body)]
    return " ".join([*words, shlex.quote(url.rstrip("/") + asked.path)])


def _quoted(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text and not text.startswith("@"):
        return shlex.quote(text)
    return "$'" + "".join(f"\\x{byte:02x}" for byte in body) + "'"
