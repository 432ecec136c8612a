"""Which interaction answers a request, and what would have when none does."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from harness.contracts.matching import Difference
from harness.contracts.stubs.model import Choice, Played, Reply, Request, Stubbed
from harness.contracts.stubs.replies import reply_of
from harness.contracts.stubs.requests import request_differences

TOLD_AT_MOST = 8
"""Differences, and interactions that would have matched, in one answer."""
UNMATCHED = 501
FIRST_REFUSAL = 400
"""Statuses from here on."""
PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """A provider, as one consumer knows it."""

    consumer: str
    provider: str
    source: str
    """What it was made from: a file."""
    interactions: tuple[Stubbed, ...]
    loose: bool = False
    """Whether a request may differ from an interaction in its values, as long as their types fit."""

    @property
    def names(self) -> tuple[str, ...]:
        """All that a choice can name: states first, then descriptions."""
        states = (state for each in self.interactions for state in each.states)
        return tuple(dict.fromkeys((*states, *(each.description for each in self.interactions))))

    def play(self, request: Request, choice: Choice | None = None) -> Played:
        """Answer a request: by an interaction that was chosen, else by one without a state, else by any.

        Among several, answers that are no refusal come first; apart from that the order of the file counts.
        """
        choice = self._relevant(choice or Choice())
        tried = [(each, list(request_differences(each.expected, request))) for each in self.interactions]
        exact = [each for each, found in tried if not found]
        near = [each for each, found in tried if found and self.loose and all(one.kin for one in found)]
        fitting = sorted((*exact, *near), key=lambda each: _rank(each, choice, loosely=each in near))
        if choice.only:
            fitting = [each for each in fitting if any(map(each.chosen_by, choice.names))]
        if fitting:
            return self._answered(fitting[0], request, loosely=fitting[0] in near)
        return self._unmatched(request, tried, exact, choice)

    def _relevant(self, choice: Choice) -> Choice:
        """Without what was chosen of other stubs."""
        names = tuple(each for each in choice.names if each in self.names)
        return choice if choice.only else Choice(names=names)

    def _answered(self, interaction: Stubbed, request: Request, *, loosely: bool) -> Played:
        reply = reply_of(interaction, request, loosely=loosely)
        how = " (it differs in values)" if loosely else ""
        line = f"{request.label} → {reply.status} by {interaction.label}{how}"
        return Played(reply=reply, line=line, matched=True)

    def _unmatched(
        self,
        request: Request,
        tried: Sequence[tuple[Stubbed, list[Difference]]],
        exact: Sequence[Stubbed],
        choice: Choice,
    ) -> Played:
        """501, with what would have matched and the nearest difference."""
        what = f"{request.label} matches no interaction in {self.source}"
        if exact:
            wanted = " or ".join(map(repr, choice.names))
            what = f"{request.label} matches {exact[0].label}, and {wanted} was chosen"
        document: dict[str, JsonValue] = {
            "type": "about:blank",
            "title": "No interaction matches",
            "status": UNMATCHED,
            "provider": self.provider,
        }
        would: list[JsonValue] = [_in_words(each) for each, _ in _nearest(request, tried)[:TOLD_AT_MOST]]
        document["would_match"] = would
        told = ""
        if tried and not exact:
            near, found = _nearest(request, tried)[0]
            found = [each for each in found if each.where in {"method", "path"}] or found  # the rest follows from it
            lines: list[JsonValue] = [str(each) for each in found[:TOLD_AT_MOST]]
            document["nearest"] = {"interaction": near.label, "differences": lines}
            told = f"; nearest {near.label}: {lines[0]}" + (f" (and {len(found) - 1} more)" if found[1:] else "")
        elif not tried:
            told = ": there is none"
        document["detail"] = what + told
        body = json.dumps(document, ensure_ascii=False).encode()
        reply = Reply(status=UNMATCHED, headers=(("Content-Type", PROBLEM_TYPE),), body=body)
        return Played(reply=reply, line=what + told, matched=False)


def _rank(interaction: Stubbed, choice: Choice, *, loosely: bool) -> tuple[bool, bool, bool, bool]:
    chosen = any(map(interaction.chosen_by, choice.names))
    refusal = interaction.answer.status >= FIRST_REFUSAL
    return (not chosen, loosely, bool(choice.names) and bool(interaction.states), refusal)


def _nearest(
    request: Request, tried: Sequence[tuple[Stubbed, list[Difference]]]
) -> list[tuple[Stubbed, list[Difference]]]:
    """Those of the same operation first, those with the fewest differences first among them."""

    def distance(each: tuple[Stubbed, list[Difference]]) -> tuple[float, int, bool]:
        expected, found = each[0].expected, each[1]
        places = {one.where for one in found}
        refusal = each[0].answer.status >= FIRST_REFUSAL
        if not places & {"method", "path"}:
            return (0.0, len(found), refusal)
        like = difflib.SequenceMatcher(None, expected.path, request.path).ratio()
        return (1.0 + ("method" in places) + ("path" in places) * 2 * (1 - like), len(found), refusal)

    return sorted(tried, key=distance)


def _in_words(interaction: Stubbed) -> str:
    return f"{interaction.expected.method} {interaction.expected.path}: {interaction.label}"


def choose(text: str, provider: str) -> tuple[str, ...]:
    """What a file of choices says for a provider: lines `PROVIDER: STATE`, or `STATE` for whoever has it."""
    found = []
    for line in text.splitlines():
        whole = line.strip()
        name, colon, rest = whole.partition(":")
        if not whole or whole.startswith("#"):
            continue
        if colon and name.strip() == provider:
            found.append(rest.strip())
        elif not colon or " " in name.strip():
            found.append(whole)
    return tuple(found)
