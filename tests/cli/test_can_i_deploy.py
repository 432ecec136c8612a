"""The ledger's commands at the front door, and what becomes of a change that breaks a consumer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import cli
from harness.contracts.broker.access import BrokerError
from harness.errors import HarnessError
from tests.cli import tiny_system
from tests.contracts.broker.stub import Stub, start_stub
from tests.contracts.fakes import a_pact, a_request, write_pact

VERIFY = "verify --provider catalog --ledger --version 1.1 --against production"
pytestmark = pytest.mark.skipif(not tiny_system.GIT, reason="needs git")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tiny_system.make(tmp_path))
    return tmp_path


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    stub = start_stub("Bearer sesame")
    monkeypatch.setenv("PACT_BROKER_TOKEN", "sesame")
    yield stub
    assert stub.provider is not None
    stub.provider.close()


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def said(*words: str) -> tuple[int, str]:
    result = call(*words)
    return result.exit_code, result.output


def told(words: str, exit_code: int) -> str:
    result = CliRunner().invoke(cli, words.split(), catch_exceptions=False)
    assert exit_code == result.exit_code, result.output
    return result.output


def latest(directory: Path) -> str:
    """The report of the last run."""
    reports = directory.glob(".harness/runs/*/report.html")
    return max(reports, key=lambda each: each.stat().st_mtime_ns).read_text(encoding="utf-8")


def test_an_empty_ledger_is_unknown(tiny: Path) -> None:
    code, output = said("can-i-deploy", "gateway", "1.0", "--to", "production")

    assert code == 2
    assert "gateway 1.0 to production: unknown" in output
    assert "settle: harness publish 1.0 --consumer gateway --ledger contracts/ledger" in output
    assert not (tiny / "contracts" / "ledger").exists()


def test_without_a_description_the_ledger_answers_too(tiny: Path) -> None:
    said("publish", "1.0", "--ledger")
    (tiny / "system.yaml").unlink()

    code, output = said("can-i-deploy", "gateway", "1.0", "--to", "production", "--fill")

    assert code == 2
    assert "owner: unknown" in output
    assert "there is no system.yaml here" in output


def test_the_answer_in_json_is_nothing_but_json(tiny: Path) -> None:
    del tiny
    said("publish", "1.0", "--ledger")
    said("record-deployment", "catalog", "1.0", "--to", "production", "--ledger")

    result = call("can-i-deploy", "gateway", "1.0", "--to", "production", "--json")

    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["deployable"] is None
    assert document["pairs"][0]["owner"] == "merchandise"


def test_a_version_is_published_once(tiny: Path) -> None:
    assert said("publish", "1.0", "--ledger")[0] == 0
    assert "there already, with the same pacts" in said("publish", "1.0", "--ledger")[1]
    write_pact(tiny / "contracts" / "pacts", a_pact(a_request("another")))

    with pytest.raises(HarnessError, match="a version is published once"):
        CliRunner().invoke(cli, ["publish", "1.0", "--ledger"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("publish 1.0 --consumer nobody --ledger", "nobody has no pact in"),
        ("publish 1.0 --consumer gateway --none --ledger", "--none: gateway has pacts"),
        ("publish 1.0 --consumer nobody --none --ledger", "nobody knows a service 'nobody'"),
        ("publish 1.0 --pacts app --ledger", "no pact in app"),
        ("record-deployment catalog 1.0 --to production --undo --ledger", "catalog 1.0 is not in production"),
        ("verify --ledger l --version 1 --against moon", "l knows no environment 'moon' (known: none)"),
        ("can-i-deploy catalog 1.0 --to x --broker http://a:b@c", "holds a name or a password"),
    ],
)
def test_what_makes_no_sense_is_told(tiny: Path, words: str, why: str) -> None:
    del tiny
    with pytest.raises(HarnessError) as caught:
        CliRunner().invoke(cli, words.split(), catch_exceptions=False)

    assert why in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        "verify --ledger",
        "verify --version 1",
        "verify --ledger --version 1 --broker http://b",
        "verify --ledger --version 1 --selector main",
        "verify --broker http://b --against production",
        "verify --ledger --version 1 --pacts-of gateway",
        "can-i-deploy catalog 1.0",
        "can-i-deploy catalog 1.0 --to x --ledger app.py",
        "can-i-deploy catalog 1.0 --to x --what-if catalog=2",
        "can-i-deploy catalog 1.0 --to x --what-if gateway",
        "can-i-deploy catalog 1.0 --to x --ledger --broker http://b",
        "can-i-deploy catalog=1 1.0 --to x",
        "publish 1.0 --consumer catalog --none --broker http://b",
        "record-deployment catalog '' --to x",
    ],
)
def test_options_that_contradict_each_other_are_refused(tiny: Path, words: str) -> None:
    assert said(*(word.strip("'") for word in words.split()))[0] == 2
    assert not (tiny / "contracts" / "ledger").exists()


def test_a_corrupt_entry_is_told_with_its_place_and_the_rest_still_counts(tiny: Path) -> None:
    said("publish", "1.0", "--ledger")
    said("record-deployment", "catalog", "1.0", "--to", "production", "--ledger")
    [entry] = (tiny / "contracts" / "ledger" / "entries").glob("*/*-published-*")
    entry.write_text(entry.read_text().replace('"version"', "<<<<<<<"))

    code, output = said("can-i-deploy", "catalog", "1.0", "--to", "production")

    assert code == 2
    assert f"{entry.relative_to(tiny)}:" in output
    assert "it is not counted; restore it from git" in output


@pytest.mark.loopback
@pytest.mark.e2e
def test_a_change_that_breaks_a_consumer_is_seen_before_it_goes(tiny: Path) -> None:
    told("publish 1.0 --ledger", 0)
    told("record-deployment catalog 1.0 --to production --ledger", 0)

    filled = told("can-i-deploy gateway 1.0 --to production --fill", 0)
    assert "PASS    gateway 1.0 → catalog 1.0: all 1 interaction verified" in filled
    told("record-deployment gateway 1.0 --to production", 0)

    app = tiny / "app.py"
    app.write_text(app.read_text().replace('"name": "kettle"', '"title": "kettle"'))
    dirty = told("can-i-deploy catalog 1.1 --to production --fill", 2)
    assert "not filled: gateway 1.0 → catalog 1.1: " in dirty

    tiny_system.commit(tiny, "1.1")
    told(VERIFY, 1)
    assert "gateway 1.0 → catalog 1.1" in latest(tiny)
    broken = told("can-i-deploy catalog 1.1 --to production", 1)
    assert "FAIL    gateway 1.0 → catalog 1.1: 1 of 1 interaction failed" in broken
    assert "FAIL    a product: catalog breaks what gateway relies on" in broken
    assert "owner: merchandise" in broken
    told("can-i-deploy catalog 1.0 --to production", 0)


@pytest.mark.loopback
@pytest.mark.e2e
def test_the_same_with_a_broker(tiny: Path, stub: Stub) -> None:
    at = f"--broker {stub.url}"
    told(f"publish 1.0 --branch main {at}", 0)
    verify = f"verify --provider catalog --branch main --selector main --version 1.0 {at}"
    assert "published: held" in told(verify, 0)
    told(f"record-deployment catalog 1.0 --to production {at}", 0)
    question = f"can-i-deploy gateway 1.0 --to production {at}"
    told(question, 0)

    stub.results.clear()
    told(question, 2)
    told(f"{question} --fill", 0)

    stub.results.clear()
    app = tiny / "app.py"
    app.write_text(app.read_text().replace('"name": "kettle"', '"title": "kettle"'))
    pending = told(f"{verify} --pending", 0)
    assert "is pending: what is wrong with it does not count" in pending
    assert "published: broken" in pending
    failed = told(question, 1)
    assert "owner: merchandise" in failed
    assert "sesame" not in "".join(file.read_text(errors="replace") for file in tiny.rglob("*") if file.is_file())


@pytest.mark.loopback
def test_a_broker_that_refuses_is_told_without_the_secret(
    tiny: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tiny
    monkeypatch.setenv("PACT_BROKER_TOKEN", "wrong-one")

    with pytest.raises(BrokerError, match="refuses") as caught:
        CliRunner().invoke(cli, ["publish", "1.0", "--broker", stub.url], catch_exceptions=False)
    assert "wrong-one" not in str(caught.value)
