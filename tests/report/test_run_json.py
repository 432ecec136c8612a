from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import JournalError
from harness.model.events import PactsVerified, PactVersions
from harness.report import run_json
from tests.report import journals


def test_a_whole_run_is_there_for_programs(tmp_path: Path) -> None:
    told = json.loads(run_json.write(journals.failing(), tmp_path).read_text())
    assert (told["verdict"], told["exit_code"], told["cut"], told["system"]) == ("FAIL", 1, False, "shop")
    gone = next(each for each in told["experiments"] if each["name"] == "recommendations gone")
    assert gone["injections"][0]["edge"] == "gateway->recommendations"
    assert {row["window"] for row in gone["figures"]} >= {"baseline", "fault", "recovery"}
    assert told["findings"][0]["verdict"] == "FAIL"
    assert told["findings"][0]["replay"]


def test_the_versions_of_pacts_are_there_too() -> None:
    pair = PactVersions(consumer="web", provider="stock", consumer_version="1.0")
    told = run_json.document([*journals.clean(), PactsVerified(t=1, pairs=(pair,))])
    assert told["versions"] == [
        {"consumer": "web", "consumer_version": "1.0", "provider": "stock", "provider_version": ""}
    ]


def test_a_run_that_was_cut_says_so_and_is_unknown() -> None:
    told = run_json.document(journals.cut())
    assert (told["verdict"], told["exit_code"], told["cut"]) == ("UNKNOWN", 2, True)


def test_what_an_attacker_wrote_stays_a_string() -> None:
    told = json.loads(json.dumps(run_json.document(journals.hostile())))
    assert told["system"].startswith("<script>")


def test_what_is_no_journal_has_no_report() -> None:
    with pytest.raises(JournalError):
        run_json.document([])
