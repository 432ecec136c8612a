"""Waivers: `chaos/accepted.yaml`, read, held against a system, and added to."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterator
from pathlib import Path

import yaml

from harness.declare.cell_names import wrong_with
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, parse_yaml, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.cell_names import looks_like_a_cell, read_cell
from harness.model.topology import Topology
from harness.model.waiver import Waiver, Waivers

ACCEPTED = "accepted.yaml"
KEY = "accepted"
HEAD = """\
# What is red, and accepted: by whom, why, and until when (that day included, UTC).
# `harness accept` writes here; a waiver that has expired excuses nothing any more.
accepted:
"""
INDENT = 2
WORDS_OF_A_FINDING = 3
"""Experiment, check, subject."""


def load_accepted(directory: Path, topology: Topology, experiments: Collection[str]) -> tuple[Waiver, ...]:
    """The waivers of a content folder; none when it has no such file.

    Args:
        directory: the folder.
        topology: what cells must be of.
        experiments: the names of those that are declared.

    Raises:
        DeclarationError: with every problem found, at its place.
    """
    file = directory / ACCEPTED
    if not file.exists():
        return ()
    return _checked(read_yaml(file), topology, experiments).accepted


def add_waiver(directory: Path, topology: Topology, experiments: Collection[str], waiver: Waiver) -> Path:
    """Write a waiver into the file, in its place by name; one that is there already for the same is replaced.

    Comments stay: those right above a waiver belong to it.

    Raises:
        DeclarationError: when the file is wrong, or not written one waiver under another, or the waiver fits nothing.
    """
    file = directory / ACCEPTED
    wrong = [*wrong_name(waiver.name, topology, experiments, is_cell=waiver.cell is not None)]
    if wrong:
        place = Place(file=str(file))
        raise DeclarationError([Problem(place=place, message=message, remedy=remedy) for message, remedy in wrong])
    text = HEAD
    if file.exists():
        text = file.read_text(encoding="utf-8")
        _checked(read_yaml(file), topology, experiments)
    made = with_waiver(text, waiver, file=str(file))
    _checked(parse_yaml(made, file=str(file)), topology, experiments)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file.write_text(made, encoding="utf-8")
    except OSError as error:
        problem = Problem(place=Place(file=str(file)), message=f"can't be written: {error.strerror}")
        raise DeclarationError([problem]) from error
    return file


def with_waiver(text: str, waiver: Waiver, *, file: str = ACCEPTED) -> str:
    """The text of the file with one waiver more, or one renewed; all other lines stay as they are."""
    lines = text.splitlines()
    entries, indent, head = _entries(text, lines, file)
    new = [" " * indent + line for line in _written(waiver)]
    names = [name for name, _, _ in entries]
    if waiver.name in names:
        _, start, end = entries[names.index(waiver.name)]
        above = list(itertools.takewhile(lambda line: line.lstrip().startswith("#"), lines[start:end]))
        return _joined([*lines[:start], *above, *new, *lines[end:]])
    after = next((start for name, start, _ in entries if name > waiver.name), None)
    at = after if after is not None else (entries[-1][2] if entries else head)
    return _joined([*lines[:at], *new, *lines[at:]])


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _entries(text: str, lines: list[str], file: str) -> tuple[list[tuple[str, int, int]], int, int]:
    """Each waiver's name with its first line and the line after it, how far they are indented, and where they begin."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    listed = next((value for key, value in pairs if key.value == KEY), None)
    if listed is None or (isinstance(listed, yaml.ScalarNode) and not listed.value):
        head = next((key.start_mark.line for key, _ in pairs if key.value == KEY), None)
        if head is None:
            lines.append(f"{KEY}:")
            head = len(lines) - 1
        return [], INDENT, head + 1
    if isinstance(listed, yaml.SequenceNode) and listed.flow_style:
        if listed.value:
            place = Place(file=file, line=listed.start_mark.line + 1, column=listed.start_mark.column + 1)
            problem = Problem(place=place, message="is in brackets", remedy="write one waiver under another")
            raise DeclarationError([problem])
        lines[listed.start_mark.line] = lines[listed.start_mark.line].partition("[")[0].rstrip()
        return [], INDENT, listed.start_mark.line + 1
    indent = listed.start_mark.column
    starts = [_with_comments(lines, node.start_mark.line) for node in listed.value]
    ends = [*starts[1:], _last_line(lines, listed.value[-1]) + 1]
    names = [_name(node) for node in listed.value]
    return list(zip(names, starts, ends, strict=True)), indent, starts[0]


def _with_comments(lines: list[str], line: int) -> int:
    while line > 0 and lines[line - 1].lstrip().startswith("#") and lines[line - 1].startswith(" "):
        line -= 1
    return line


def _last_line(lines: list[str], node: yaml.Node) -> int:
    last = min(node.end_mark.line, len(lines) - 1)
    while last > node.start_mark.line and (not lines[last].strip() or not lines[last].startswith(" ")):
        last -= 1
    return last


def _name(node: yaml.Node) -> str:
    keys = {key.value: value.value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
    return str(keys.get("cell") or keys.get("finding") or "")


def _written(waiver: Waiver) -> Iterator[str]:
    what = "cell" if waiver.cell else "finding"
    yield f"- {what}: {_scalar(waiver.name)}"
    yield f"  owner: {_scalar(waiver.owner)}"
    yield f"  why: {_scalar(waiver.why)}"
    yield f"  until: {waiver.until.isoformat()}"


def _scalar(text: str) -> str:
    written: str = yaml.safe_dump(text, allow_unicode=True, width=10_000)
    return written.removesuffix("...\n").strip()


def _checked(document: Document, topology: Topology, experiments: Collection[str]) -> Waivers:
    content = document.content if isinstance(document.content, dict) else {}
    if isinstance(document.content, dict) and content.get(KEY, ()) is None:
        return Waivers()
    waivers = validated(document, Waivers)
    problems = [*_problems(document, waivers, topology, experiments)]
    if problems:
        raise DeclarationError(problems)
    return waivers


def _problems(
    document: Document, waivers: Waivers, topology: Topology, experiments: Collection[str]
) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, each in enumerate(waivers.accepted):
        path = (KEY, index, "cell" if each.cell else "finding")
        for message, remedy in wrong_name(each.name, topology, experiments, is_cell=each.cell is not None):
            yield document.problem(path, message, remedy)
        if each.name in seen:
            yield document.problem(path, f"'{each.name}' is accepted twice", "leave one out")
        seen.add(each.name)


def wrong_name(
    name: str, topology: Topology, experiments: Collection[str], *, is_cell: bool
) -> Iterator[tuple[str, str]]:
    """What is wrong with the name of what is to be accepted, and what to do."""
    if is_cell:
        try:
            cell = read_cell(name)
        except ValueError as error:
            yield str(error), "see docs/matrix.md"
            return
        for message, remedy in wrong_with(cell, topology):
            yield f"'{name}' is no cell: {message}", remedy
        return
    words = name.split()
    if len(words) < WORDS_OF_A_FINDING:
        form = "expected experiment, check and subject, as 'payments-killed availability checkout'"
        yield f"{form}, found '{name}'", "see docs/matrix.md"
    elif words[0] not in experiments:
        yield f"no experiment '{words[0]}'", nearest(words[0], experiments)


def waiver_of(name: str, *, owner: str, why: str, until: dt.date) -> Waiver:
    """The waiver of what was named: a cell by its name as it is shown, else a finding.

    Raises:
        ValueError: when it is no name, or a text is too long or has more than one line.
    """
    if looks_like_a_cell(name):
        return Waiver(cell=str(read_cell(name)), owner=owner, why=why, until=until)
    return Waiver(finding=" ".join(name.split()), owner=owner, why=why, until=until)
