"""A notice as it is posted, and as people read it."""

from __future__ import annotations

import json

from pydantic import JsonValue

from harness.model.notice import MOST_TEXT_CHARS, Notice


def short(text: str) -> str:
    """As much of it as goes into a notice."""
    return text if len(text) <= MOST_TEXT_CHARS else f"{text[: MOST_TEXT_CHARS - 1]}…"


def as_json(notice: Notice) -> bytes:
    """`type`, `timestamp` and `data`, as Standard Webhooks says; what is not known yet is left out."""
    known: dict[str, JsonValue] = {
        "system": notice.system,
        "run": notice.run,
        "headline": notice.headline,
        "text": short(notice.text),
        "verdict": notice.verdict,
        "exit_code": notice.exit_code,
        "roles": [*notice.roles],
        "link": notice.link,
    }
    told = {key: value for key, value in known.items() if value not in (None, "", [])}
    whole = {"type": f"harness.{notice.occasion}", "timestamp": notice.wall, "data": told}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def as_text(notice: Notice) -> str:
    """What people read below the headline."""
    lines = [short(notice.text), f"run {notice.run}, {notice.wall}", notice.link]
    return "\n".join(line for line in lines if line)
