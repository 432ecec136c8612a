"""Profiles of load: from `loadtests/profiles/*.yaml` to values, checked against the journeys that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from harness.declare.replay import read_replay
from harness.declare.thresholds import Known, parse_threshold
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, InputError, Place, Problem
from harness.model.declared import Declared, Name
from harness.model.load_profile import LoadPhase, LoadProfile, recorded_phase
from harness.model.quantity import Duration
from harness.model.threshold import Threshold

DIRECTORY = Path("loadtests") / "profiles"
"""Where profiles are looked for by their name, beside the system's description."""

MAX_RATE = 10_000
MAX_USERS = 5_000
MAX_PHASES = 200
MAX_STEPS = 50
MAX_LENGTH_S = 48 * 3600.0

Rate = Annotated[float, Field(ge=0, le=MAX_RATE)]
Weights = Annotated[dict[Name, Annotated[float, Field(gt=0)]], Field(min_length=1)]


class SlopeSpec(Declared):
    """A rate that goes evenly from one to another, or in so many equal steps."""

    start: Annotated[Rate, Field(alias="from")]
    end: Annotated[Rate, Field(alias="to")]
    steps: Annotated[int, Field(ge=2, le=MAX_STEPS)] | None = None


def _kind_of_rate(written: object) -> str:
    return "slope" if isinstance(written, Mapping | SlopeSpec) else "rate"


class PhaseSpec(Declared):
    """A stretch of the load: arrivals at a rate, or closed users."""

    phase: Name
    length: Annotated[Duration, Field(alias="for", ge=1)]
    rate: (
        Annotated[Annotated[Rate, Tag("rate")] | Annotated[SlopeSpec, Tag("slope")], Discriminator(_kind_of_rate)]
        | None
    ) = None
    """Journeys a second."""
    users: Annotated[int, Field(gt=0, le=MAX_USERS)] | None = None
    """Customers who start again when they were answered and have waited, as their Locust class says."""
    weights: Weights | None = None
    """In place of the profile's."""
    product: Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(default_factory=dict)]
    """Product → how many times as often as usual it is looked at."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.rate is not None and self.users is not None:
            message = "'rate' and 'users' both say what the load is; leave one out"
            raise ValueError(message)
        return self


class ProfileSpec(Declared):
    """A file of `loadtests/profiles/`."""

    load: Name
    """Its name."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    """By chance at the rate on average, or evenly spaced."""
    weights: Weights | None = None
    """Journey → its part of the load; those of the system, if left out."""
    phases: Annotated[tuple[PhaseSpec, ...], Field(max_length=MAX_PHASES)] = ()
    replay: str | None = None
    """A CSV file beside this one, with the columns time and journey: when each journey began on a recorded day."""
    speed: Annotated[float, Field(gt=0, le=10_000)] = 1.0
    """How many times as fast as recorded."""
    expect: tuple[str, ...] = ()
    """Thresholds, as `harness load --expect` takes them."""


def find_profile(asked: str, root: Path) -> Path:
    """The file of a profile that is asked for by its name or its path.

    Raises:
        DeclarationError: if there is none; known names are told.
    """
    if (file := Path(asked)).suffix in {".yaml", ".yml"} or file.is_file():
        return file
    files = {file.stem: file for file in sorted((root / DIRECTORY).glob("*.yaml"))}
    if asked in files:
        return files[asked]
    place = Place(file=str(root / DIRECTORY))
    raise DeclarationError([Problem(place=place, message=f"no profile '{asked}'", remedy=nearest(asked, files))])


def load_profile(file: Path, journeys: Mapping[str, float]) -> LoadProfile:
    """Read a profile for journeys, each with the weight that it has where the profile gives none.

    Raises:
        DeclarationError: with every problem found.
    """
    document = read_yaml(file)
    spec = validated(document, ProfileSpec)
    reading = _Reading(document=document, journeys=journeys)
    profile = reading.profile(spec)
    profile = replace(
        profile,
        expect=tuple(reading.thresholds(spec.expect, profile)),
        source=f"{file}:{document.place(('load',)).line}",
    )
    if reading.problems:
        raise DeclarationError(reading.problems)
    return profile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Reads the parts of one document, and gathers all that is wrong with them."""

    document: Document
    journeys: Mapping[str, float]
    problems: list[Problem] = field(default_factory=list)

    def profile(self, spec: ProfileSpec) -> LoadProfile:
        self._known(("weights",), spec.weights or {})
        self._told_apart(spec.phases)
        if spec.replay is not None:
            return self._replayed(spec, spec.replay)
        if "speed" in spec.model_fields_set:
            self._wrong(("speed",), "is of a replay, and there is none", "leave it out", key=True)
        phases = tuple(phase for index, each in enumerate(spec.phases) for phase in self._phases(index, each))
        if not any(phase.due or phase.users for phase in phases):
            self._wrong(("phases",), "nothing is ever due", "give a phase a rate above 0, or users")
        self._not_too_long(phases)
        return LoadProfile(
            name=spec.load, weights=dict(spec.weights or self.journeys), phases=phases, arrivals=spec.arrivals
        )

    def thresholds(self, texts: tuple[str, ...], profile: LoadProfile) -> Iterator[Threshold]:
        known = Known(journeys=tuple(self.journeys), phases=tuple(phase.name for phase in profile.phases))
        for index, text in enumerate(texts):
            try:
                yield parse_threshold(text, known)
            except InputError as error:
                place = self._within(("expect", index), error.column)
                self.problems.append(Problem(place=place, message=error.message, remedy=error.remedy))

    def _phases(self, index: int, spec: PhaseSpec) -> Iterator[LoadPhase]:
        at = ("phases", index)
        self._known((*at, "weights"), spec.weights or {})
        if spec.rate is None and spec.users is None:
            self._wrong(at, f"the phase '{spec.phase}' has no load", "give it a rate or users")
        rate = spec.rate if spec.rate is not None else 0.0
        slope = rate if isinstance(rate, SlopeSpec) else SlopeSpec.model_validate({"from": rate, "to": rate})
        whole = LoadPhase(
            name=spec.phase,
            length_s=float(spec.length),
            start_rate=slope.start,
            end_rate=slope.end,
            users=spec.users or 0,
            weights=dict(spec.weights or {}),
            wanted=dict(spec.product),
        )
        yield from [whole] if slope.steps is None else _steps(whole, slope.steps)

    def _replayed(self, spec: ProfileSpec, name: str) -> LoadProfile:
        for key in ("arrivals", "weights"):
            if key in spec.model_fields_set:
                self._wrong((key,), "has no meaning beside 'replay', which says it", "leave it out", key=True)
        for index, each in enumerate(spec.phases):
            for key in ("rate", "users", "weights"):
                if getattr(each, key) is not None:
                    self._wrong(("phases", index, key), "a replay says itself what is due", "leave it out", key=True)
        try:
            replay = read_replay(Path(self.document.file).parent / name, known=self.journeys, speed=spec.speed)
        except DeclarationError as error:
            self.problems.extend(error.problems)
            replay = ((0.0, next(iter(self.journeys), "")),)
        counts: dict[str, float] = {}
        for _, journey in replay:
            counts[journey] = counts.get(journey, 0) + 1
        phases = self._of_tape(spec, replay)
        self._not_too_long(phases)
        return LoadProfile(name=spec.load, weights=counts, phases=phases, arrivals="replay", replay=replay)

    def _of_tape(self, spec: ProfileSpec, replay: tuple[tuple[float, str], ...]) -> tuple[LoadPhase, ...]:
        """The phases of a replay, each with the rate that it has on average; one when there are none."""
        if not spec.phases:
            whole_s = float(int(replay[-1][0]) + 1)
            return (recorded_phase("replay", replay, 0.0, whole_s),)
        lengths = [float(each.length) for each in spec.phases]
        return tuple(
            replace(recorded_phase(each.phase, replay, end - length, end), wanted=dict(each.product))
            for each, length, end in zip(spec.phases, lengths, accumulate(lengths), strict=True)
        )

    def _told_apart(self, phases: tuple[PhaseSpec, ...]) -> None:
        seen: set[str] = set()
        for index, each in enumerate(phases):
            if each.phase in seen:
                self._wrong(("phases", index, "phase"), f"there are two phases '{each.phase}'", "rename one")
            seen.add(each.phase)

    def _not_too_long(self, phases: Iterable[LoadPhase]) -> None:
        length_s = sum(phase.length_s for phase in phases)
        if length_s > MAX_LENGTH_S:
            message = f"takes {Duration(length_s)} in all, and may take {Duration(MAX_LENGTH_S)}"
            self._wrong(("phases",), message, "make it shorter, or a replay faster")

    def _known(self, at: Path_, weights: Mapping[str, float]) -> None:
        for name in weights:
            if name not in self.journeys:
                self._wrong((*at, name), f"unknown journey '{name}'", nearest(name, self.journeys), key=True)

    def _wrong(self, path: Path_, message: str, remedy: str, *, key: bool = False) -> None:
        self.problems.append(self.document.problem(path, message, remedy, key=key))

    def _within(self, path: Path_, column: int) -> Place:
        """A place within a text that stands on one line; a quotation mark before it is not part of it."""
        place = self.document.place(path)
        if place.line is None or place.column is None:
            return place
        line = Path(place.file).read_text(encoding="utf-8").splitlines()[place.line - 1]
        quoted = line[place.column - 1 : place.column] in {"'", '"'}
        return replace(place, column=place.column + quoted + column - 1)


def _steps(whole: LoadPhase, count: int) -> list[LoadPhase]:
    """Equal parts of a phase, from its first rate to its last, named `NAME-1` and so on."""
    rise = (whole.end_rate - whole.start_rate) / (count - 1)
    rates = [whole.start_rate + rise * step for step in range(count)]
    return [
        replace(whole, name=f"{whole.name}-{step}", length_s=whole.length_s / count, start_rate=rate, end_rate=rate)
        for step, rate in enumerate(rates, start=1)
    ]
