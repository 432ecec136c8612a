from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.declare.load_profile import find_profile, load_profile
from harness.declare.schema import COMMITTED_PROFILE, profile_schema, text_of
from harness.errors import DeclarationError
from harness.model.load_profile import LoadPhase, LoadProfile
from tests.test_docs import ROOT, blocks

JOURNEYS = {"browse": 60.0, "search": 20.0, "cart": 12.0, "checkout": 6.0, "my-orders": 2.0}
FILES = sorted((ROOT / "loadtests" / "profiles").glob("*.yaml"))
EXAMPLES = [block for block in blocks(ROOT / "docs" / "load.md", "yaml") if block.startswith("load:")]

SPIKE = """\
load: spike
arrivals: constant
weights: {browse: 9, checkout: 1}
phases:
  - {phase: before, for: 30s, rate: 20}
  - {phase: spike, for: 10s, rate: {from: 20, to: 200}, weights: {browse: 1}, product: {sku-1: 100}}
  - {phase: closed, for: 1 min, users: 20}
expect:
  - checkout.p99 < 800ms in spike
"""
DAY = "load: day\nreplay: day.csv\nspeed: 60\n"
ROWS = "time,journey\n09:00:00,browse\n09:00:30.5,checkout\n09:02:00,browse\n"


def write(directory: Path, text: str, rows: str = ROWS) -> Path:
    (directory / "day.csv").write_text(rows)
    file = directory / "profile.yaml"
    file.write_text(text)
    return file


def problems(directory: Path, text: str, rows: str = ROWS) -> list[str]:
    file = write(directory, text, rows)
    with pytest.raises(DeclarationError) as error:
        load_profile(file, JOURNEYS)
    return [str(problem).removeprefix(f"{directory}/") for problem in error.value.problems]


def test_a_profile_is_read_as_it_is_written(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, SPIKE), JOURNEYS)
    assert profile.name == "spike"
    assert profile.arrivals == "constant"
    assert profile.weights == {"browse": 9, "checkout": 1}
    assert profile.phases == (
        LoadPhase(name="before", length_s=30, start_rate=20, end_rate=20),
        LoadPhase(name="spike", length_s=10, start_rate=20, end_rate=200, weights={"browse": 1}, wanted={"sku-1": 100}),
        LoadPhase(name="closed", length_s=60, users=20),
    )
    assert [str(each) for each in profile.expect] == ["checkout.p99 < 800 ms in spike"]
    assert profile.source == f"{tmp_path}/profile.yaml:1"
    assert (profile.length_s, profile.peak_rate, profile.most_users) == (100, 200, 20)


def test_without_weights_those_of_the_system_count(tmp_path: Path) -> None:
    text = "load: x\nphases: [{phase: only, for: 1s, rate: 1}]\n"
    assert load_profile(write(tmp_path, text), JOURNEYS).weights == JOURNEYS


def test_steps_are_phases_of_equal_length_from_the_first_rate_to_the_last(tmp_path: Path) -> None:
    text = "load: x\nphases: [{phase: up, for: 40s, rate: {from: 10, to: 40, steps: 4}}]\n"
    phases = load_profile(write(tmp_path, text), JOURNEYS).phases
    assert [(each.name, each.length_s, each.start_rate, each.end_rate) for each in phases] == [
        ("up-1", 10, 10, 10),
        ("up-2", 10, 20, 20),
        ("up-3", 10, 30, 30),
        ("up-4", 10, 40, 40),
    ]


def test_a_recorded_day_is_replayed_at_its_speed(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, DAY), JOURNEYS)
    assert profile.arrivals == "replay"
    assert list(profile.replay) == [(0, "browse"), (30.5 / 60, "checkout"), (2, "browse")]
    assert profile.weights == {"browse": 2, "checkout": 1}
    assert profile.phases == (LoadPhase(name="replay", length_s=3, start_rate=1, end_rate=1),)
    assert profile.peak_rate == 2


def test_the_phases_of_a_replay_have_the_rates_that_were_recorded(tmp_path: Path) -> None:
    text = DAY + "phases: [{phase: early, for: 1s}, {phase: late, for: 2s, product: {sku-1: 5}}]\n"
    phases = load_profile(write(tmp_path, text), JOURNEYS).phases
    assert [(each.name, each.start_rate, each.wanted) for each in phases] == [
        ("early", 2, {}),
        ("late", 0.5, {"sku-1": 5}),
    ]


@pytest.mark.parametrize(
    "times",
    [("10", "12.5"), ("09:00:00", "09:00:02.5"), ("2026-01-31T09:00:00Z", "2026-01-31T10:00:02.5+01:00")],
)
def test_times_are_seconds_or_of_a_day_or_with_a_date(tmp_path: Path, times: tuple[str, str]) -> None:
    rows = f"time,journey\n{times[0]},browse\n{times[1]},browse\n"
    profile = load_profile(write(tmp_path, DAY.replace("60", "1"), rows), JOURNEYS)
    assert [offset_s for offset_s, _ in profile.replay] == [0, 2.5]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("browse: 9", "brows: 9", "profile.yaml:3:11: unknown journey 'brows'; did you mean 'browse'?"),
        ("weights: {browse: 1}", "weights: {buy: 1}", "profile.yaml:6:67: unknown journey 'buy'; known are "),
        ("for: 30s", "for: 30", "profile.yaml:5:26: 'for': expected a duration such as '250ms', '1.5s' or '2m'"),
        ("for: 30s", "for: 0s", "profile.yaml:5:26: 'for': Input should be greater than or equal to 1"),
        ("for: 1 min", "for: 48h", "profile.yaml:5:3: takes 172840 s in all, and may take 2880 min; make it shorter"),
        ("rate: 20}", "rate: -1}", "profile.yaml:5:37: 'rate': Input should be greater than or equal to 0"),
        (
            "rate: 20}",
            "rate: many}",
            "profile.yaml:5:37: 'rate' is of the wrong type: expected a number, found ",
        ),
        ("to: 200", "too: 200", "profile.yaml:6:47: unknown key 'too'"),
        ("to: 200", "to: -1", "profile.yaml:6:51: 'to': Input should be greater than or equal to 0"),
        (", to: 200", "", "profile.yaml:6:36: 'to' is missing; add it"),
        ("rate: 20}", "rte: 20}", "profile.yaml:5:31: unknown key 'rte'; did you mean 'rate'?"),
        (", rate: 20}", "}", "profile.yaml:5:5: the phase 'before' has no load; give it a rate or users"),
        ("users: 20", "users: 20, rate: 1", "profile.yaml:7:5: 'rate' and 'users' both say what the load is"),
        ("users: 20", "users: 0", "profile.yaml:7:40: 'users': Input should be greater than 0"),
        ("phase: closed", "phase: spike", "profile.yaml:7:13: there are two phases 'spike'; rename one"),
        ("phase: closed", "phase: Closed!", "profile.yaml:7:13: 'phase' has a wrong form: 'Closed!'"),
        ("arrivals: constant", "arrivals: even", "profile.yaml:2:11: 'arrivals': Input should be 'poisson' or"),
        ("arrivals: constant", "speed: 2", "profile.yaml:2:1: is of a replay"),
        ("checkout.p99", "chekout.p99", "profile.yaml:9:5: unknown journey 'chekout'; did you mean 'checkout'?"),
        ("in spike\n", "in spke\n", "profile.yaml:9:29: unknown phase 'spke'; did you mean 'spike'?"),
        ("checkout.p99 < 800ms", "checkout.p98 < 800ms", "profile.yaml:9:14: unknown figure 'p98'"),
        (
            "- checkout.p99 < 800ms in spike",
            "- 'checkout.p99 < 800 in spike'",
            "profile.yaml:9:21: '800' has no unit; write a limit such as '800ms'",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SPIKE
    found = problems(tmp_path, SPIKE.replace(old, new, 1))
    assert any(each.startswith(expected) for each in found), found


def test_a_load_of_nothing_is_refused(tmp_path: Path) -> None:
    nothing = "nothing is ever due; give a phase a rate above 0, or users"
    assert problems(tmp_path, "load: x\nphases: [{phase: only, for: 5s, rate: 0}]\n") == [
        f"profile.yaml:2:9: {nothing}"
    ]
    assert problems(tmp_path, "load: x\n") == [f"profile.yaml:1:1: {nothing}"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (ROWS.replace("checkout", "chekout"), "day.csv:3:12: unknown journey 'chekout'; did you mean 'checkout'?"),
        (ROWS.replace("09:02:00", "08:59:00"), "day.csv:4:1: 08:59:00 is earlier than the line before; sort the file"),
        (ROWS.replace("09:02:00", "soon"), "day.csv:4:1: expected a time, found 'soon'; write seconds, a time of day"),
        (ROWS.replace("09:02:00", "nan"), "day.csv:4:1: expected a time, found 'nan'"),
        (ROWS.replace(",browse", ""), "day.csv:2:1: expected a time and a journey, found 1 columns"),
        ("when,journey\n", "day.csv:1:1: expected the columns time,journey, found 'when,journey'"),
        ("time,journey\n", "day.csv:1:1: no journey is recorded here"),
        ("", "day.csv:1:1: no journey is recorded here"),
        ('time,journey\n1,"browse', "day.csv:2:1: is not CSV"),
    ],
)
def test_what_is_wrong_with_a_recording_is_told_at_its_place(tmp_path: Path, rows: str, expected: str) -> None:
    assert problems(tmp_path, DAY, rows)[0].startswith(expected)


def test_a_recording_that_is_not_there_or_is_no_text_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path, DAY.replace("day.csv", "night.csv")) == [
        "night.csv: can't be read: No such file or directory; check 'replay'"
    ]
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert problems(tmp_path, DAY.replace("day.csv", "bytes.csv")) == [
        "bytes.csv: can't be read: is not UTF-8 text; check 'replay'"
    ]


def test_a_recording_with_the_same_fault_in_every_line_does_not_flood_the_screen(tmp_path: Path) -> None:
    rows = "time,journey\n" + "1,nobody\n" * 1_000
    assert len(problems(tmp_path, DAY, rows)) == 10


@pytest.mark.parametrize(
    "line", ["arrivals: constant", "weights: {browse: 1}", "phases: [{phase: a, for: 3s, rate: 3}]"]
)
def test_a_replay_says_itself_what_is_due(tmp_path: Path, line: str) -> None:
    assert any("replay" in each for each in problems(tmp_path, f"{DAY}{line}\n"))


def test_a_profile_is_found_by_its_name_or_its_path(tmp_path: Path) -> None:
    assert find_profile("spike", ROOT) == ROOT / "loadtests" / "profiles" / "spike.yaml"
    assert find_profile("my/own.yaml", tmp_path) == Path("my/own.yaml")
    with pytest.raises(DeclarationError, match=r"no profile 'spik'; did you mean 'spike'\?"):
        find_profile("spik", ROOT)
    with pytest.raises(DeclarationError, match="no profile 'spike'; none are declared"):
        find_profile("spike", tmp_path)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_profile_of_the_shop_can_be_read_and_keeps_the_schema(file: Path) -> None:
    profile = load_profile(file, JOURNEYS)
    assert profile.name == file.stem
    assert profile.length_s <= 90
    assert list(Draft202012Validator(profile_schema()).iter_errors(yaml.safe_load(file.read_text()))) == []


@pytest.mark.parametrize("block", EXAMPLES)
def test_the_examples_of_the_page_can_be_read_and_keep_the_schema(block: str, tmp_path: Path) -> None:
    (tmp_path / "recorded-day.csv").write_text(ROWS)
    load_profile(write(tmp_path, block), JOURNEYS)
    assert list(Draft202012Validator(profile_schema()).iter_errors(yaml.safe_load(block))) == []


def test_the_schema_that_is_committed_is_what_the_code_makes() -> None:
    assert COMMITTED_PROFILE.read_text() == text_of(profile_schema()), "write text_of(profile_schema()) into it"


@pytest.mark.parametrize(
    ("old", "new"),
    [("for: 30s", "for: 30"), ("rate: 20}", "rat: 20}"), ("load:", "loads:"), ("users: 20", "users: 0")],
)
def test_what_the_reader_refuses_the_schema_refuses(old: str, new: str) -> None:
    validator = Draft202012Validator(profile_schema())
    assert not list(validator.iter_errors(yaml.safe_load(SPIKE)))
    assert list(validator.iter_errors(yaml.safe_load(SPIKE.replace(old, new, 1))))


LENGTHS = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 500), st.floats(0, 500)), min_size=1, max_size=6)


@given(LENGTHS, st.floats(0, 1))
def test_the_phase_and_the_rate_at_a_time_agree(phases: list[tuple[int, float, float]], share: float) -> None:
    profile = LoadProfile(
        name="any",
        weights={"browse": 1},
        phases=tuple(
            LoadPhase(name=f"p{index}", length_s=length, start_rate=start, end_rate=end)
            for index, (length, start, end) in enumerate(phases)
        ),
    )
    at = share * profile.length_s
    phase = profile.phase_at(at)
    if at >= profile.length_s:
        assert phase is None
        assert profile.rate_at(at) == 0
    else:
        assert phase is not None
        low, high = sorted((phase.start_rate, phase.end_rate))
        assert low - 1e-9 <= profile.rate_at(at) <= high + 1e-9
