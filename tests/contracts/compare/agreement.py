"""The table of agreement with PactFlow, out of the cases: `python -m tests.contracts.compare.agreement`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "cases"
DOCS = Path(__file__).parents[3] / "docs" / "compare.md"
BEGIN, END = "<!-- agreement -->", "<!-- end of agreement -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An interaction, a document, and what both say of it."""

    group: str
    name: str
    openapi: dict[str, Any]
    interaction: dict[str, Any]
    ours: str
    codes: list[str]
    pactflow: str
    why: str = ""

    @property
    def pact(self) -> dict[str, Any]:
        return {
            "consumer": {"name": "reader"},
            "provider": {"name": "things"},
            "interactions": [self.interaction],
            "metadata": {"pactSpecification": {"version": "4.0"}},
        }


def cases() -> tuple[Case, ...]:
    return tuple(
        Case(group=file.stem.replace("-", " "), **each)
        for file in sorted(CASES.glob("*.json"))
        for each in json.loads(file.read_text(encoding="utf-8"))
    )


def table() -> str:
    return "\n".join(_lines(cases()))


def _lines(found: tuple[Case, ...]) -> Iterator[str]:
    agreed = sum(each.ours == each.pactflow for each in found)
    yield f"{len(found)} cases, {agreed} verdicts agree, {len(found) - agreed} differ."
    yield ""
    yield "| about | cases | agree | differ |"
    yield "| --- | --- | --- | --- |"
    for group in dict.fromkeys(each.group for each in found):
        own = [each for each in found if each.group == group]
        same = sum(each.ours == each.pactflow for each in own)
        yield f"| {group} | {len(own)} | {same} | {len(own) - same} |"
    yield ""
    yield "Where they differ:"
    yield ""
    yield "| case | here | PactFlow | why |"
    yield "| --- | --- | --- | --- |"
    for each in found:
        if each.ours != each.pactflow:
            yield f"| {each.group}: {each.name} | {each.ours} | {each.pactflow} | {each.why} |"


def documented() -> str:
    return DOCS.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


if __name__ == "__main__":
    before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    DOCS.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
