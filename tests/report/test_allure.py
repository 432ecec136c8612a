from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import attr
from allure_commons import model2

from harness.model.events import Event, ExperimentStarted, InjectionArmed
from harness.report import allure
from tests.report import journals


def results(events: list[Event]) -> list[dict[str, Any]]:
    files = allure.render(events)
    return [json.loads(content) for name, content in files.items() if name.endswith("-result.json")]


def labels(result: dict[str, Any]) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"]}


def one(events: list[Event], name: str) -> dict[str, Any]:
    return next(result for result in results(events) if result["name"] == name)


def known(model: type) -> set[str]:
    return {field.name for field in attr.fields(model)}


def test_results_have_only_fields_that_allure_knows() -> None:
    for result in results(journals.failing()):
        assert set() == set(result) - known(model2.TestResult)
        assert set() == set(result["statusDetails"]) - known(model2.StatusDetails)


def test_statuses_are_failed_broken_and_passed() -> None:
    run = journals.failing()
    assert one(run, "at most once: nobody charged twice")["status"] == "failed"
    assert one(run, "recovery: checkout")["status"] == "broken"
    assert one(run, "fuzz: GET /products")["status"] == "passed"


def test_an_unknown_or_cut_run_is_broken() -> None:
    assert one(journals.unknown(), "the run's verdict")["status"] == "broken"
    assert one(journals.cut(), "the run's verdict")["status"] == "broken"


def test_labels_tell_the_edge_the_fault_and_the_owner() -> None:
    failed = [result for result in results(journals.failing()) if result["status"] == "failed"]
    found = next(labels(result) for result in failed if result["name"] == "availability: browse")
    assert {
        "epic": "Resilience",
        "feature": "gateway → recommendations",
        "story": "down",
        "owner": "edge",
        "layer": "system",
        "severity": "normal",
    }.items() <= found.items()


def test_severity_comes_from_criticality() -> None:
    run = journals.failing()
    assert labels(one(run, "at most once: nobody charged twice"))["severity"] == "blocker"
    assert labels(one(run, "recovery: checkout"))["severity"] == "critical"
    assert tuple(labels(one(run, "pact: a charge"))[name] for name in ("epic", "severity")) == ("Contracts", "critical")


def test_times_are_those_of_the_run() -> None:
    run = one(journals.failing(), "the run's verdict")
    assert run["start"] == 1777890030000
    assert run["stop"] - run["start"] == round(journals.failing()[-1].t * 1000)  # type: ignore[union-attr]  # RunEnded


def test_ids_are_unique_and_stay_the_same() -> None:
    first, second = (results(journals.failing()) for _ in range(2))
    assert first == second
    for name in ("uuid", "historyId"):
        assert len(first) == len({result[name] for result in first})


def test_history_goes_on_from_run_to_run() -> None:
    events = journals.failing()
    other = [replace(journals.HEADER, run="another"), *events[1:]]
    assert {each["historyId"] for each in results(events)} == {each["historyId"] for each in results(other)}
    assert set() == {each["uuid"] for each in results(events)} & {each["uuid"] for each in results(other)}


def test_every_attachment_is_a_file() -> None:
    files = allure.render(journals.failing())
    named = [attached["source"] for result in results(journals.failing()) for attached in result["attachments"]]
    assert named
    assert set() == set(named) - set(files)


def test_the_page_is_attached_to_the_run(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>the page</p>")
    directory = allure.write(journals.clean(), tmp_path)
    (path,) = directory.glob("*-globals.json")
    content = json.loads(path.read_text())
    assert set(content) == known(model2.Globals)
    assert set() == set(content["attachments"][0]) - known(model2.GlobalAttachment)
    assert (directory / content["attachments"][0]["source"]).read_text() == "<p>the page</p>"


def test_writing_again_leaves_nothing_of_the_first_time(tmp_path: Path) -> None:
    before = {path.name for path in allure.write(journals.failing(), tmp_path).iterdir()}
    after = {path.name for path in allure.write(journals.failing(), tmp_path).iterdir()}
    assert before == after


def test_hostile_text_stays_text() -> None:
    for result in results(journals.hostile()):
        assert "\x1b" not in json.dumps(result, ensure_ascii=False)


def test_writing_another_run_leaves_its_own_results_only(tmp_path: Path) -> None:
    theirs = tmp_path / "allure-results" / "7d4a1c52-9e0e-4b7e-8b55-0f9d6f0b8a11-result.json"
    allure.write(journals.failing(), tmp_path)
    theirs.write_text("{}")
    allure.write(journals.clean(), tmp_path)
    assert {each.name for each in theirs.parent.iterdir()} == {*allure.render(journals.clean()), theirs.name}


def test_the_timeline_has_the_faults_of_each_experiment_once_and_its_worst_verdict() -> None:
    run = journals.failing()
    bars = [result for result in results(run) if "thread" in labels(result)]
    drawn = [(labels(bar)["suite"], labels(bar)["thread"], bar["status"]) for bar in bars]
    assert drawn[0] == ("run", "run", "failed")
    assert (
        len(drawn)
        == len({suite for suite, _, _ in drawn})
        == 1 + sum(isinstance(each, ExperimentStarted) for each in run)
    )
    for name, where, status in (
        ("recommendations slow", "gateway → recommendations", "passed"),
        ("recommendations gone", "gateway → recommendations", "failed"),
        ("payments black-holed in checkout", "orders → payments", "broken"),
        ("payments killed and restarted", "payments-1", "failed"),
    ):
        assert (f"experiment: {name}", where, status) in drawn
    gone = next(bar for bar in bars if labels(bar)["suite"] == "experiment: recommendations gone")
    assert gone["stop"] - gone["start"] == 12_100


def test_an_experiment_in_which_nothing_was_injected_has_its_own_lane() -> None:
    run: list[Event] = [each for each in journals.failing() if not isinstance(each, InjectionArmed)]
    bar = next(each for each in results(run) if labels(each).get("thread") == "recommendations gone")
    assert bar["stop"] - bar["start"] > 12_100
