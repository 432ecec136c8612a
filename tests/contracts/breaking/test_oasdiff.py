"""Finding oasdiff, and reading what it says."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.contracts.breaking import oasdiff
from harness.contracts.breaking.change import Direction, Level
from harness.contracts.breaking.oasdiff import PIN, REMEDY, VARIABLE, cached_path, find_oasdiff, read_changes
from harness.errors import ContractError, ProvisionError
from harness.proxy.rungs import GoProgram, RungError
from tests.contracts.breaking.shop import BASE, write

BUILD_INFORMATION = "path\tgithub.com/oasdiff/oasdiff\nmod\tgithub.com/oasdiff/oasdiff\t{}\th1:x=\n"


def binary(path: Path, version: str = f"v{PIN}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit 0\n{BUILD_INFORMATION.format(version)}", encoding="utf-8")
    path.chmod(0o755)
    return path


Rung = Callable[[Path, Mapping[str, str], Callable[[str], None], GoProgram], None]


def gives(version: str) -> Rung:
    def rung(fresh: Path, _environ: object, _say: object, _program: object) -> None:
        binary(fresh, version)

    return rung


def fails(fresh: Path, _environ: object, _say: object, _program: object) -> None:
    del fresh
    raise RungError("no luck")


def quiet(_line: str) -> None:
    return None


def test_the_one_that_is_named_is_taken(tmp_path: Path) -> None:
    named = binary(tmp_path / "mine", "v1.30.0")
    found = find_oasdiff(environ={VARIABLE: str(named)}, cache=tmp_path, say=quiet)
    assert (found.path, found.version) == (named, "1.30.0")


def test_a_named_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match=VARIABLE):
        find_oasdiff(environ={VARIABLE: str(tmp_path / "gone")}, cache=tmp_path, say=quiet)


def test_one_on_the_path_is_taken(tmp_path: Path) -> None:
    there = binary(tmp_path / "bin" / "oasdiff")
    assert find_oasdiff(environ={"PATH": str(there.parent)}, cache=tmp_path, say=quiet).path == there


def test_it_is_built_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oasdiff, "RUNGS", (("one", fails), ("two", gives(f"v{PIN}"))))
    assert find_oasdiff(environ={"PATH": ""}, cache=tmp_path, say=quiet).how == "provisioned by two"
    monkeypatch.setattr(oasdiff, "RUNGS", ())
    assert find_oasdiff(environ={"PATH": ""}, cache=tmp_path, say=quiet).path == cached_path(tmp_path)


def test_another_version_is_not_kept_and_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oasdiff, "RUNGS", (("one", fails), ("two", gives("v0.9.0"))))
    with pytest.raises(ProvisionError) as raised:
        find_oasdiff(environ={"PATH": ""}, cache=tmp_path, say=quiet)
    assert "one: no luck" in str(raised.value)
    assert f"expected version {PIN}, found 0.9.0" in str(raised.value)
    assert REMEDY in str(raised.value)
    assert [each.name for each in cached_path(tmp_path).parent.iterdir()] == ["lock"]


def change(**told: object) -> str:
    return json.dumps([{"level": 3, "operation": "GET", "path": "/things", **told}])


@pytest.mark.parametrize(
    ("rule", "text", "names", "status", "direction"),
    [
        (
            "response-property-type-changed",
            "the `a/b` response's property `type` changed from `number` to `string` for status `200`",
            ("a", "b"),
            "200",
            Direction.RESPONSE,
        ),
        (
            "response-required-property-removed",
            "removed the required property `lines/items/quantity` from the response with the `2XX` status",
            ("lines", "quantity"),
            "2XX",
            Direction.RESPONSE,
        ),
        (
            "response-property-enum-value-added",
            "added the new `c` enum value to the `s` response property for the response status `200`",
            ("s",),
            "200",
            Direction.RESPONSE,
        ),
        (
            "response-required-property-removed",
            "removed the required property `/allOf[subschema #1]/x` from the response with the `200` status",
            ("x",),
            "200",
            Direction.RESPONSE,
        ),
        (
            "new-required-request-parameter",
            "added the new required `query` request parameter `q`",
            ("q",),
            "",
            Direction.REQUEST,
        ),
        ("api-removed", "api removed", (), "", Direction.BOTH),
    ],
)
def test_words_are_read_for_what_they_are_about(
    rule: str, text: str, names: tuple[str, ...], status: str, direction: Direction
) -> None:
    (found,) = read_changes(change(id=rule, text=text))
    assert (found.names, found.status, found.direction) == (names, status, direction)
    assert found.level is Level.BREAKING
    assert found.operation == "GET /things"


@pytest.mark.parametrize("text", ["{", '{"a": 1}', '[{"id": 1}]'])
def test_what_is_no_list_of_changes_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match="expected changes as JSON"):
        read_changes(text)


def test_nothing_said_is_no_change() -> None:
    assert read_changes("") == read_changes("null") == read_changes("[]") == ()


def test_a_document_that_it_refuses_is_told(oasdiff: Path, tmp_path: Path) -> None:
    from harness.contracts.breaking.oasdiff import changes_between

    good, bad = write(tmp_path / "good.json", BASE), write(tmp_path / "bad.json", {"openapi": 5})
    assert changes_between(good, good, program=oasdiff) == ()
    with pytest.raises(ContractError, match="oasdiff does not compare"):
        changes_between(good, bad, program=oasdiff)
