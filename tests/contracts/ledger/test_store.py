from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contracts.ledger.entries import ENTRIES, Placed, file_name
from harness.contracts.ledger.store import add_content, add_entry, no_earlier, read_ledger
from harness.errors import HarnessError
from tests.contracts.fakes import a_request
from tests.contracts.ledger.fakes import BEGAN, FAIL, PASS, UNKNOWN, Writer, pact

GIT = shutil.which("git") or ""
AGREED = pact(a_request("a"), a_request("b"))


def entry_files(ledger: Writer) -> list[Path]:
    return sorted((ledger.directory / "entries").glob("*/*.json"))


def test_what_was_written_is_read_in_the_order_of_time(ledger: Writer) -> None:
    ledger.publish("1", AGREED)
    ledger.verify("2", AGREED)
    ledger.place("catalog", "2")

    read = read_ledger(ledger.directory)

    assert [entry.entry for entry in read.entries] == ["published", "verified", "deployed"]
    assert read.problems == ()
    assert len(read.contents) == 1


def test_no_directory_is_an_empty_ledger(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "none").entries == ()


def test_a_file_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="expected the directory of a ledger"):
        read_ledger(tmp_path / "file")


def test_the_same_entry_twice_is_one_file_and_another_is_another(ledger: Writer) -> None:
    one = Placed(at=BEGAN, entry="deployed", service="a", version="1", environment="x")
    for entry in (one, one, one.model_copy(update={"version": "2"})):
        add_entry(ledger.directory, entry)

    assert len(entry_files(ledger)) == 2


def test_the_same_content_is_written_alike_by_whoever_writes_it(tmp_path: Path) -> None:
    add_content(tmp_path / "one", pact(a_request("a", key="1"), a_request("b")))
    add_content(tmp_path / "two", pact(a_request("b", comments={"text": ["x"]}), a_request("a")))

    [one], [two] = (list((tmp_path / name / "contents").iterdir()) for name in ("one", "two"))

    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_names_cannot_lead_out_of_the_directory(ledger: Writer) -> None:
    ledger.verify("../../1", pact(a_request("a"), provider="../../catalog", consumer="/etc"))

    [file] = entry_files(ledger)
    assert file.resolve().is_relative_to(ledger.directory.resolve())


BREAKAGES: dict[str, tuple[Callable[[str], str], str]] = {
    "cut off": (lambda text: text[:40], ":3:"),
    "with the marks of a merge": (lambda text: "<<<<<<< HEAD\n" + text, ":1:1: expected JSON"),
    "in the middle": (lambda text: text.replace('"version": "2"', '"version" "2"'), ": expected JSON"),
    "of no entry": (lambda _: "{}", "expected an entry of a ledger"),
    "of a list": (lambda _: "[]", "expected a JSON object"),
    "of an unknown kind": (lambda text: text.replace('"verified"', '"guessed"'), "expected an entry of a ledger"),
    "changed afterwards": (lambda text: text.replace("FAIL", "PASS"), "changed after it was written"),
    "of no text": (lambda _: "\udcff", "expected a file of a ledger"),
}


@pytest.mark.parametrize("how", BREAKAGES)
def test_a_broken_file_is_told_with_its_place_and_the_rest_counts(ledger: Writer, how: str) -> None:
    broken = ledger.verify("2", AGREED, FAIL)
    ledger.verify("3", AGREED)
    change, said = BREAKAGES[how]
    broken.write_text(change(broken.read_text()), errors="surrogateescape")

    read = read_ledger(ledger.directory)

    [problem] = read.problems
    assert str(broken) in str(problem)
    assert said in str(problem)
    assert [entry.entry for entry in read.entries] == ["verified"]


def test_a_content_that_was_changed_does_not_count(ledger: Writer) -> None:
    ledger.publish("1", AGREED)
    [file] = (ledger.directory / "contents").iterdir()
    file.write_text(file.read_text().replace('"status": 200', '"status": 500'))

    read = read_ledger(ledger.directory)

    assert read.contents == {}
    assert "a content that was changed" in str(read.problems[0])
    add_content(ledger.directory, AGREED)
    assert read_ledger(ledger.directory).problems == ()


def test_an_entry_checked_out_with_other_line_ends_is_the_same(ledger: Writer) -> None:
    file = ledger.verify("2", AGREED)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    assert read_ledger(ledger.directory).problems == ()


def test_a_clock_that_ran_ahead_does_not_hide_what_comes_after(ledger: Writer) -> None:
    ledger.at += dt.timedelta(days=300)
    ledger.place("catalog", "1")

    now = no_earlier(read_ledger(ledger.directory), BEGAN)

    assert now > ledger.at


def test_an_entry_says_what_it_is_on_its_first_line(ledger: Writer) -> None:
    text = ledger.verify("2", AGREED, [PASS, UNKNOWN]).read_text()

    assert text.splitlines()[1] == ' "entry": "verified",'
    assert file_name(ENTRIES.validate_json(text)).startswith("2026-11/20261121T120001.000000-verified-gateway-catalog-")
    assert json.loads(text)["outcomes"][1]["verdict"] == "UNKNOWN"


@pytest.mark.skipif(not GIT, reason="needs git")
def test_branches_that_both_add_merge_without_a_conflict(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(
            [GIT, "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", *words],
            cwd=tmp_path, check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    ledger = Writer(tmp_path / "ledger")
    git("init")
    ledger.publish("0", AGREED)
    git("add", ".")
    git("commit", "-m", "0")
    for branch in ("one", "two"):
        git("checkout", "-b", branch, "main")
        other = Writer(tmp_path / "ledger")
        other.publish(branch, AGREED, pact(a_request("new"), provider="orders"))
        other.verify("2", AGREED, FAIL if branch == "two" else PASS)
        git("add", ".")
        git("commit", "-m", branch)

    git("merge", "one")

    read = read_ledger(tmp_path / "ledger")
    assert len(read.entries) == 5
    assert read.problems == ()
