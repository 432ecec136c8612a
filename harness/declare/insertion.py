"""New edges put into the text of a description, which is otherwise left as it is, comments and order too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.declare.system import resolve
from harness.declare.validate import validated
from harness.declare.yaml import parse_yaml
from harness.errors import DeclarationError
from harness.model.system import Need, System

INDENT = "  "
_KEY = "edges"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEdge:
    """An edge to write down."""

    consumer: str
    provider: str
    need: Need = Need.SOFT
    at: tuple[str, ...] = ()
    why: str
    """Becomes a comment, of one line."""

    @property
    def _entry(self) -> str:
        quoted = ", ".join(f'"{each}"' for each in self.at)
        at = f", at: [{quoted}]" if self.at else ""
        return f"{{from: {self.consumer}, to: {self.provider}, need: {self.need.value}{at}}}"

    def line(self, indent: str) -> str:
        """As an element of a list in lines."""
        return f"{indent}- {self._entry}   # {self.why}\n"

    def element(self) -> str:
        """As an element of a list in brackets."""
        return self._entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """A description with new edges."""

    text: str
    edges: tuple[NewEdge, ...]
    refused: tuple[tuple[NewEdge, str], ...]
    """Those with which it would not be sound, and why."""


def insert_edges(text: str, edges: Sequence[NewEdge], *, file: Path) -> Inserted:
    """Put edges into a description, and prove by reading it that nothing else has changed.

    Raises:
        DeclarationError: if the description is not sound as it is.
    """
    _read(text, file)
    taken: list[NewEdge] = []
    refused: list[tuple[NewEdge, str]] = []
    for edge in edges:
        try:
            _proved(text, [*taken, edge], file)
        except DeclarationError as error:
            refused.append((edge, "; ".join(problem.message for problem in error.problems)))
        else:
            taken.append(edge)
    return Inserted(text=_inserted(text, taken), edges=tuple(taken), refused=tuple(refused))


def _read(text: str, file: Path) -> System:
    document = parse_yaml(text, file=str(file))
    system = validated(document, System)
    resolve(document, system, root=file.resolve().parent)
    return system


def _proved(text: str, edges: Sequence[NewEdge], file: Path) -> None:
    before, after = _read(text, file), _read(_inserted(text, edges), file)
    added = after.edges[len(before.edges) :]
    wanted = [(edge.consumer, edge.provider, edge.need, edge.at) for edge in edges]
    kept = (
        after.model_copy(update={"edges": before.edges}) == before and after.edges[: len(before.edges)] == before.edges
    )
    if not kept or wanted != [(edge.consumer, edge.provider, edge.need, edge.at) for edge in added]:
        place = parse_yaml(text, file=str(file)).problem((_KEY,), "the edges stand in a form that can't be added to")
        raise DeclarationError([place])


def _inserted(text: str, edges: Sequence[NewEdge]) -> str:
    if not edges:
        return text
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    node = next((value for key, value in pairs if key.value == _KEY), None)
    if node is None:
        whole = text if text.endswith("\n") else f"{text}\n"
        return f"{whole}\n{_KEY}:\n" + "".join(edge.line(INDENT) for edge in edges)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _after_the_last(text, node, edges)
    if isinstance(node, yaml.SequenceNode) and node.value:
        return _in_brackets(text, node, edges)
    return _instead_of_nothing(text, node, edges)


def _after_the_last(text: str, node: yaml.SequenceNode, edges: Sequence[NewEdge]) -> str:
    """Below the last line of a list in lines, indented as that."""
    lines = text.splitlines(keepends=True)
    last = _last_line(node)
    if not lines[last].endswith("\n"):
        lines[last] += "\n"
    indent = " " * node.start_mark.column
    return "".join([*lines[: last + 1], *(edge.line(indent) for edge in edges), *lines[last + 1 :]])


def _in_brackets(text: str, node: yaml.SequenceNode, edges: Sequence[NewEdge]) -> str:
    """After the last element of a list in brackets."""
    end: int = node.value[-1].end_mark.index
    return text[:end] + "".join(f", {edge.element()}" for edge in edges) + text[end:]


def _instead_of_nothing(text: str, node: yaml.Node, edges: Sequence[NewEdge]) -> str:
    """In place of `[]`, or of nothing after the key; a comment that stands there stays."""
    start, end = node.start_mark.index, node.end_mark.index
    rest_of_line, newline, below = text[end:].partition("\n")
    del newline
    lines = "".join(edge.line(INDENT) for edge in edges)
    return f"{text[:start].rstrip(' ')}{rest_of_line.rstrip()}\n{lines}{below}"


def _last_line(node: yaml.Node) -> int:
    """The line on which the last value below a node ends; a block ends only where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    line: int = node.end_mark.line
    return line
