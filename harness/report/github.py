"""A run as GitHub shows it: annotations of the step, worst first, and its summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.errors import JournalError
from harness.model.events import Event
from harness.model.verdict import Verdict
from harness.report import markdown
from harness.report.story import RunStory, Told
from harness.report.summary import advice, also_undecided, owner_words, repeat_words, title_of, why
from harness.report.tell import tell
from harness.report.words import count, edge_label, printable

MOST_OF_A_LEVEL = 10
"""GitHub shows so many errors, warnings and notices of a step, and drops the rest without a word."""
MAX_MESSAGE_CHARS = 1_000
MAX_REASON_CHARS = 600
"""Of a message: a long reason must not push out whose it is."""
MAX_TITLE_CHARS = 200
MAX_SUMMARY_BYTES = 1024 * 1024
"""Of one step; GitHub drops the whole summary above it."""


class Level(StrEnum):
    """How GitHub marks an annotation."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


_LEVELS = {Verdict.FAIL: Level.ERROR, Verdict.UNKNOWN: Level.WARNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One line above the log of the step."""

    level: Level
    title: str
    message: str

    def command(self) -> str:
        """As a workflow command: one line, whatever the texts hold."""
        title = _escaped(_short(self.title, MAX_TITLE_CHARS)).replace(":", "%3A").replace(",", "%2C")
        return f"::{self.level} title={title}::{_escaped(_short(self.message, MAX_MESSAGE_CHARS))}"


def annotated(events: Sequence[Event]) -> list[Annotation]:
    """Errors of what failed, warnings of what nobody knows, notices of what is excused; ten of each at most.

    The last of a level that has more says how many are left out.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    found = list(_found(tell(events)))
    return [kept for level in Level for kept in _within([each for each in found if each.level is level])]


def append_summary(events: Sequence[Event], file: Path) -> int:
    """Add the summary to the file that GitHub reads; gives its bytes, 0 when an earlier command left no room.

    Raises:
        JournalError: if the file can't be written, or the events do not begin with `run-started`.
    """
    try:
        there = file.stat().st_size if file.exists() else 0
        room = min(markdown.MAX_BYTES, MAX_SUMMARY_BYTES - there)
        if room < markdown.LEAST_BYTES:
            return 0
        text = markdown.render(events, limit=room - 1).encode()
        with file.open("ab") as summary:
            summary.write(b"\n" + text if there else text)
    except OSError as error:
        message = f"{file} can't be written: {error.strerror}; it is what GITHUB_STEP_SUMMARY names"
        raise JournalError(message) from error
    return len(text)


def _found(story: RunStory) -> Iterator[Annotation]:
    if story.verdict is not Verdict.PASS and (story.cut or story.headline is None):
        words, command = advice(story)
        title = f"{story.verdict}: {story.header.system}"
        yield Annotation(level=_LEVELS[story.verdict], title=title, message=f"{why(story)}\n{words}: {command}")
    yield from (_of(story, each) for each in story.trouble)
    for finding in story.excused:
        title = f"Accepted or known: {finding.check}: {edge_label(finding.subject)}"
        yield Annotation(level=Level.NOTICE, title=title, message=f"{finding.excused} ({finding.reason})")


def _of(story: RunStory, told: Told) -> Annotation:
    finding = told.finding
    owner = owner_words(story, finding)
    lines = [
        _short(finding.reason, MAX_REASON_CHARS) + also_undecided(story, told),
        f"Owner: {owner}" if owner else "",
        f"{repeat_words(finding)}: {finding.replay}" if finding.replay else "",
    ]
    return Annotation(
        level=_LEVELS[finding.verdict],
        title=f"{finding.verdict}: {title_of(finding)}",
        message="\n".join(line for line in lines if line),
    )


def _within(found: Sequence[Annotation]) -> list[Annotation]:
    if len(found) <= MOST_OF_A_LEVEL:
        return list(found)
    kept = list(found[: MOST_OF_A_LEVEL - 1])
    told = f"{count(len(found) - len(kept), f'more {found[0].level}')} left out: see the summary and the report."
    return [*kept, Annotation(level=found[0].level, title="and more", message=told)]


def _short(text: str, limit: int) -> str:
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
