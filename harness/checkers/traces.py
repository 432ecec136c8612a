"""Whether an answer shows the inside of the program that made it."""

from __future__ import annotations

import re

LOOKED_AT_CHARS = 64 << 10
SHOWN_CHARS = 160
_FORMS = {
    "Python": re.compile(r"Traceback \(most recent call last\)|\.py\\?\", line \d+, in "),
    "Java": re.compile(r"\bat [\w$.]+\([\w$]+\.(?:java|kt|scala):\d+\)|Caused by: [\w.]+(?:Exception|Error)"),
    "JavaScript": re.compile(r"\bat (?:async )?(?:[\w$.<>\[\] ]+ \()?(?:file://|node:|/)[^\s()]+:\d+:\d+\)?"),
    "Go": re.compile(r"goroutine \d+ \[[\w ,]+\]:|\bpanic: runtime error"),
    ".NET": re.compile(r"\bat [\w.`<>]+\([^)\n]*\) in [^\n]+:line \d+"),
    "PHP": re.compile(r"Stack trace:(?:\n|\\n)#0 |PHP (?:Fatal|Parse) error"),
    "Ruby": re.compile(r"\.rb:\d+:in [`']"),
    "Rust": re.compile(r"thread '[^']+' panicked at "),
}


def trace_in(body: bytes) -> str:
    """A stack trace in a body, in words; empty when there is none."""
    text = body[:LOOKED_AT_CHARS].decode(errors="replace")
    for language, form in _FORMS.items():
        if found := form.search(text):
            shown = " ".join(text[found.start() : found.start() + SHOWN_CHARS].split())
            return f"a stack trace of {language}: {shown}"
    return ""
