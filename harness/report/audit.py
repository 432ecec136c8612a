"""An audit for readers and for other programs: Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue, TypeAdapter

from harness.model.audit import AUDIT_FORMAT, Answer, Told, Trait

JSON_NAME, MARKDOWN_NAME = "audit.json", "audit.md"
_TOLD = TypeAdapter(Told)

QUESTIONS = {
    Trait.UNDECLARED: "Calls that nobody declared",
    Trait.SHARED_STORE: "Stores that services share",
    Trait.CYCLE: "Circles of calls",
    Trait.DEPTH: "Depth of the chains that customers wait for",
    Trait.PAIR: "Calls that never come alone",
    Trait.FAN_IN: "What everybody needs",
    Trait.TIMEOUT: "Timeouts that grow on the way down",
}


def as_json(system: str, source: str, answers: Sequence[Told]) -> str:
    """The audit for other programs; `source` is the run, empty when nothing was run."""
    told: list[JsonValue] = [_TOLD.dump_python(each, mode="json") for each in answers]
    document: JsonValue = {"format": AUDIT_FORMAT, "system": system, "run": source, "traits": told}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def as_markdown(system: str, source: str, answers: Sequence[Told]) -> str:
    """The audit for readers, on a terminal too."""
    return "\n".join(_lines(system, source, answers)) + "\n"


def _lines(system: str, source: str, answers: Sequence[Told]) -> Iterator[str]:
    yield f"# Audit of {system}"
    yield ""
    yield f"By {f'the run {source}' if source else 'its description only: nothing was run'}."
    for each in answers:
        yield ""
        yield f"## {QUESTIONS[each.trait]} (`{each.trait}`): {_in_a_word(each)}"
        yield ""
        for sign in each.signs:
            declared = ", as declared" if sign.basis == "declared" else ""
            yield f"- **{sign.subject}**: {sign.reason}{declared}. Owner: {', '.join(sign.owners) or 'nobody known'}."
            yield from (f"  - {line}" for line in sign.evidence)
        if each.looked_at:
            yield f"- Looked at: {each.looked_at}."
        yield from (f"- Lacking: {line}." for line in each.lacking)


def _in_a_word(told: Told) -> str:
    match told.answer:
        case Answer.FOUND:
            return f"{len(told.signs)} found"
        case Answer.NONE:
            return "none"
        case Answer.UNKNOWN:
            return "UNKNOWN, none found"
