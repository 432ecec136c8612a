"""Fuzzing consumers: a tiny system of real servers, of which one breaks on what its provider may leave out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.run import fuzz
from harness.errors import DeclarationError
from harness.model.system import CUSTOMERS
from tests.contracts.generate.documents import HEALTHY
from tests.engine.kiosks import write_kiosk


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_kiosk(tmp_path)


def fuzzed(*arguments: str) -> Result:
    return CliRunner().invoke(fuzz, arguments)


@pytest.mark.loopback
def test_a_consumer_that_needs_an_optional_member_is_shown_the_smallest_answer_that_breaks_it(kiosk: Path) -> None:
    done = fuzzed("--consumer", "fragile", "--journey", "fragile", "--system", str(kiosk))
    assert done.exit_code == 1, done.output + str(done.exception)
    events = next(kiosk.parent.glob(".harness/runs/*/journal.ndjson"))
    journal = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    findings = [each["finding"] for each in journal if each.get("finding", {}).get("check") == "consumer-fuzz"]
    (broken,) = [each for each in findings if each["verdict"] == "FAIL"]
    assert broken["subject"] == "fragile ← stock: GET /products/{sku} 200"
    assert broken["reason"].startswith("it does not cope with /image: optional member absent: GET /fragile/a1 → 500")
    assert (broken["edge"], broken["service"], broken["owner"]) == ("fragile->stock", "fragile", "weak")
    assert '- "image": "a.png",' in broken["evidence"]
    assert "valid by its OpenAPI document" in broken["evidence"]
    assert "--consumer fragile --provider stock --journey fragile" in broken["replay"]
    (held,) = [each for each in findings if each["verdict"] == "PASS"]
    assert "empty list 1" in held["reason"]
    assert not [each for each in findings if each["verdict"] == "UNKNOWN"]


@pytest.mark.loopback
def test_a_consumer_that_copes_with_all_that_is_permitted_passes(kiosk: Path) -> None:
    done = fuzzed("--consumer", "sturdy", "--journey", "sturdy", "--system", str(kiosk))
    assert done.exit_code == 0, done.output + str(done.exception)
    assert "optional member absent 4" in done.output


@pytest.mark.loopback
def test_an_answer_that_never_reaches_the_consumer_is_unknown(kiosk: Path) -> None:
    done = fuzzed("--consumer", "cached", "--journey", "cached", "--system", str(kiosk))
    assert done.exit_code == 2, done.output + str(done.exception)
    assert "not crossed: no journey got a JSON answer here" in done.output


@pytest.mark.loopback
def test_healthy_answers_that_are_invalid_already_prove_nothing(kiosk: Path) -> None:
    (kiosk.parent / "healthy.json").write_text(json.dumps(HEALTHY | {"name": None}), encoding="utf-8")
    done = fuzzed("--consumer", "sturdy", "--journey", "sturdy", "--system", str(kiosk))
    assert done.exit_code == 2, done.output + str(done.exception)
    assert "its own healthy answers are invalid" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--consumer", "fragil"], "no service 'fragil'; did you mean 'fragile'?"),
        (["--consumer", "stock"], "'stock' calls no service over HTTP"),
        (["--consumer", "fragile", "--provider", "sturdy"], "no provider of fragile 'sturdy'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_starts(kiosk: Path, arguments: list[str], told: str) -> None:
    done = fuzzed(*arguments, "--system", str(kiosk))
    assert isinstance(done.exception, DeclarationError)
    assert told in str(done.exception)
    assert not (kiosk.parent / ".harness").exists()


@pytest.mark.parametrize(
    "arguments", [["--provider", "stock"], ["--consumer", "sturdy", "stock"], ["--consumer", "sturdy", "--tls"]]
)
def test_options_that_mean_nothing_together_are_refused(arguments: list[str]) -> None:
    assert fuzzed(*arguments).exit_code == 2


def test_the_customers_are_no_consumer_of_this_kind(kiosk: Path) -> None:
    assert isinstance(fuzzed("--consumer", CUSTOMERS, "--system", str(kiosk)).exception, DeclarationError)
