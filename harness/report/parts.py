"""The parts that the sections of the HTML report share: chips, tables, findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from harness.report.markup import Markup, el, escaped, joined
from harness.report.story import RunStory, Told, edge_key
from harness.report.summary import also_undecided
from harness.report.words import EXCUSED, MARKS, NOTHING, count, edge_label, printable

NO_MARKUP = Markup()
_MISMATCH = re.compile(r"(?P<where>[^:]{1,200}): expected (?P<expected>.{1,1000}?), found (?P<found>.{1,1000})$")
_NO_IDS: Mapping[str, str] = MappingProxyType({})
MAX_EVIDENCE_LINES = 60
MAX_EVIDENCE_CHARACTERS = 4_000
"""Of one line; the journal holds all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A table's cell; `heads` makes it the row's heading."""

    content: str
    number: bool = False
    heads: bool = False
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A table's row; `begins` draws a stronger line above it, where a group of rows begins."""

    cells: tuple[Cell, ...]
    begins: bool = False
    identity: str = ""


def text(content: str) -> Cell:
    """A cell of words."""
    return Cell(content=content)


def figure(content: str, *, bad: bool = False) -> Cell:
    """A cell of a figure, set to the right."""
    return Cell(content=content, number=True, bad=bad)


def head(content: str) -> Cell:
    """The cell that names its row."""
    return Cell(content=content, heads=True)


def table(  # noqa: PLR0913 -- all that differs is by keyword
    caption: str,
    heads: Sequence[Cell],
    rows: Iterable[Row],
    *,
    stacks: bool = True,
    labelled: bool = True,
    label: str = "",
) -> Markup:
    """A table. On a narrow screen each row becomes a list of labelled figures, or (`stacks=False`) it scrolls.

    `label` names one without a caption to who can't see it. Figures that are sentences need no labels (`labelled`).
    """
    head_row = el("tr", {}, *(el("th", {"scope": "col", **_classes(cell)}, cell.content) for cell in heads))
    body = [
        el(
            "tr",
            {**({"class": "first"} if row.begins else {}), **({"id": row.identity} if row.identity else {})},
            *(
                _cell(cell, heading.content if stacks and labelled else "")
                for cell, heading in zip(row.cells, heads, strict=True)
            ),
        )
        for row in rows
    ]
    made = el(
        "table",
        {"class": "stack" if stacks else "tight"},
        el("caption", {}, caption) if caption and stacks else "",
        el("thead", {}, head_row),
        el("tbody", {}, *body),
    )
    if stacks:
        return made
    # A caption inside would scroll away with the table.
    told = el("p", {"class": "soft small caption"}, caption) if caption else ""
    region = {"class": "scroll", "role": "group", "tabindex": "0", "aria-label": caption or label or "table"}
    return joined([told, el("div", region, made)])


def _classes(cell: Cell) -> dict[str, str]:
    words = [word for word, holds in (("num", cell.number), ("bad", cell.bad)) if holds]
    return {"class": " ".join(words)} if words else {}


def _cell(cell: Cell, label: str) -> Markup:
    if cell.heads:
        return el("th", {"scope": "row"}, cell.content)
    attributes = _classes(cell)
    if cell.content in {"", NOTHING}:
        attributes["class"] = f"{attributes.get('class', '')} empty".strip()
    if label:
        attributes["data-label"] = label
    # The inner span keeps a cell of several parts one grid item when its row is shown as a list.
    several = label and isinstance(cell.content, Markup) and "<" in cell.content
    return el("td", attributes, el("span", {}, cell.content) if several else cell.content)


def chip(verdict: Verdict | None, otherwise: str = "not judged") -> Markup:
    """A verdict by mark, word, colour and shape."""
    if verdict is None:
        return el("span", {"class": "chip untold"}, otherwise)
    return el("span", {"class": f"chip {verdict.lower()}"}, f"{MARKS[verdict]} {verdict}")


def link(target: str, words: str) -> Markup:
    """A link within the page."""
    return el("a", {"href": f"#{target}"}, words)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Terms with what they are; pairs that say nothing are left out."""
    return el(
        "dl", {"class": "facts"}, *(joined([el("dt", {}, term), el("dd", {}, told)]) for term, told in pairs if told)
    )


def command(line: str) -> Markup:
    """A command to copy."""
    return el("code", {"class": "command"}, line) if line else Markup()


def whose(story: RunStory, finding: Finding) -> Markup:
    """Owner and service, and whether that is only inferred."""
    owner = story.owner(finding)
    if not owner and not finding.service:
        return Markup()
    parts: list[str] = [el("strong", {}, owner or "nobody is declared as owner")]
    if finding.service:
        parts.append(f" (service {finding.service})")
    if finding.inferred:
        parts.append(
            el("span", {"class": "soft"}, " \N{EN DASH} owner inferred: told from the topology, not proved by spans")
        )
    return joined(parts)


def evidence(lines: Sequence[str]) -> Markup:
    """Lines of evidence, each whole unless it is very long."""
    if not lines:
        return Markup()
    shown = [
        line if len(line) <= MAX_EVIDENCE_CHARACTERS else line[:MAX_EVIDENCE_CHARACTERS] + " … (shortened)"
        for line in lines[:MAX_EVIDENCE_LINES]
    ]
    left_out = len(lines) - len(shown)
    rest = el("p", {"class": "soft small"}, f"and {left_out} more in the journal") if left_out else ""
    return joined([el("pre", {}, printable("\n".join(shown))), rest])


def mismatches(finding: Finding) -> Markup:
    """What a consumer expects and what its provider gave, one below the other; nothing of other evidence."""
    found = [match for line in finding.evidence[:MAX_EVIDENCE_LINES] if (match := _MISMATCH.match(line))]
    if finding.part is not Part.PACTS or not found:
        return Markup()
    lines = [
        joined(
            [
                f"{match['where']}\n",
                el("span", {"class": "expected"}, f"- {match['expected']}  expected"),
                "\n",
                el("span", {"class": "found"}, f"+ {match['found']}  found"),
            ]
        )
        for match in found
    ]
    return el("pre", {"class": "diff"}, joined(lines, "\n"))


def finding_block(  # noqa: PLR0913 -- all but the first two by keyword, and seldom given
    story: RunStory, told: Told, *, opened: bool, title: str = "", identity: str = "", beside: Markup = NO_MARKUP
) -> Markup:
    """One finding with all that is known of it, in a part that can be folded; `identity` is its id in the page.

    `beside` is shown after its evidence.
    """
    finding = told.finding
    attributes = {"class": finding.verdict.lower(), **({"open": ""} if opened else {})}
    if identity:
        attributes["id"] = identity
    wanted = "" if told.blames or finding.verdict is Verdict.PASS else " (wanted here: it tests the harness)"
    wanted = f" ({EXCUSED} {finding.excused})" if finding.excused else wanted
    summary = el(
        "summary",
        {},
        chip(finding.verdict),
        el("span", {"class": "what"}, title or f"{finding.check}: {edge_label(finding.subject)}"),
        f" {NOTHING} {finding.reason}",
        el("span", {"class": "soft"}, wanted) if wanted else "",
        el("span", {"class": "soft"}, also_undecided(story, told)),
    )
    edge = edge_label(edge_key(finding.edge))
    inside = [
        facts(
            [
                ("Owner", whose(story, finding)),
                ("Edge", edge if edge != edge_label(finding.subject) else ""),
                ("Evidence", joined([mismatches(finding), evidence(finding.evidence), beside])),
                ("Would settle it" if finding.verdict is Verdict.UNKNOWN else "Replay", command(finding.replay)),
            ]
        ),
    ]
    return el("details", attributes, summary, el("div", {"class": "inside"}, *inside))


def undecided(told: Sequence[Told]) -> Markup:
    """The findings that are UNKNOWN only because their experiment was not valid, folded together."""
    derived = [each for each in told if each.derived]
    if not derived:
        return Markup()
    rows = [
        Row(cells=(head(each.finding.check), text(edge_label(each.finding.subject)), text(each.finding.reason)))
        for each in derived
    ]
    words = f"{count(len(derived), 'check')} that nobody can judge, since the experiment was not valid"
    summary = el("summary", {}, chip(Verdict.UNKNOWN), words)
    made = table("", (text("Check"), text("What"), text("Why")), rows)
    return el("details", {"class": "unknown"}, summary, el("div", {"class": "inside"}, made))


def passes(told: Sequence[Told], words: str, identity: str = "", rows_at: Mapping[str, str] = _NO_IDS) -> Markup:
    """The findings that passed, each with what it excludes, folded together.

    `identity` is the id of the whole, `rows_at` has those of single findings by their subjects.
    """
    if not told:
        return Markup()
    rows = [
        Row(
            cells=(head(each.finding.check), text(edge_label(each.finding.subject)), text(each.finding.reason)),
            identity=rows_at.get(each.finding.subject, ""),
        )
        for each in told
    ]
    summary = el("summary", {}, chip(Verdict.PASS), words)
    made = table("", (text("Check"), text("What"), text("What it excludes")), rows, labelled=False)
    attributes = {"class": "pass", **({"id": identity} if identity else {})}
    return el("details", attributes, summary, el("div", {"class": "inside"}, made))


def group(story: RunStory, name: str, told: Sequence[Told], passed: str, identity: str = "") -> Markup:
    """The findings on one thing: a line when all passed, else a heading with the trouble and what passed besides."""
    trouble = [each for each in told if each.finding.verdict is not Verdict.PASS]
    good = [each for each in told if each.finding.verdict is Verdict.PASS]
    if not trouble:
        return passes(good, joined([el("span", {"class": "what"}, name), f" {NOTHING} {passed}"]), identity)
    blocks = [finding_block(story, each, opened=True) for each in trouble]
    heading = {"class": "group", **({"id": identity} if identity else {})}
    return joined([el("h3", heading, name), *blocks, passes(good, passed)])


def section(identity: str, title: str, *content: str) -> Markup:
    """A landmark with its heading; nothing when it has no content."""
    if not any(content):
        return Markup()
    heading = f"{identity}-title"
    return el("section", {"id": identity, "aria-labelledby": heading}, el("h2", {"id": heading}, title), *content)


def card(*content: str) -> Markup:
    """A box."""
    return el("div", {"class": "card"}, *content)


def nothing(words: str) -> Markup:
    """What stands in a section that has nothing to show."""
    return el("p", {"class": "soft"}, escaped(words))
