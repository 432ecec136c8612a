"""Recording drafts of pacts from a tiny system of real servers; what is drafted verifies."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.record import record
from harness.contracts.pacts import read_pact
from harness.errors import DeclarationError
from tests.engine.kiosks import write_kiosk


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_kiosk(tmp_path)


def recorded(*arguments: str) -> Result:
    return CliRunner().invoke(record, arguments)


@pytest.mark.loopback
def test_what_crosses_an_edge_becomes_a_draft_that_verifies_and_is_the_same_again(kiosk: Path) -> None:
    wanted = ("--edge", "sturdy->stock", "--edge", "front->sturdy", "--journey", "sturdy", "--visits", "2")
    done = recorded(str(kiosk), *wanted)
    assert done.exit_code == 0, done.output + str(done.exception)
    assert "PASS    sturdy → stock: GET /products/{sku}, answered 200" in done.output
    assert "PASS    front → sturdy: GET /{id}, answered 200" in done.output
    file = kiosk.parent / "contracts" / "drafts" / "sturdy-stock.json"
    (interaction,) = read_pact(file).interactions
    assert json.loads(json.dumps(interaction.document))["response"]["body"]["content"]["tags"] == ["a"]
    before = file.read_text(encoding="utf-8")
    assert "a draft of recorded traffic" in before
    again = recorded(str(kiosk), *wanted)
    assert again.exit_code == 0, again.output
    assert file.read_text(encoding="utf-8") == before


@pytest.mark.loopback
def test_an_edge_on_which_nothing_was_seen_is_unknown(kiosk: Path) -> None:
    done = recorded(str(kiosk), "--edge", "fragile->stock", "--journey", "sturdy", "--visits", "1")
    assert done.exit_code == 2, done.output + str(done.exception)
    assert "fragile → stock: nothing crossed it that could be drafted" in done.output
    assert not (kiosk.parent / "contracts").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--edge", "sturdy->stok"], "did you mean 'sturdy->stock'?"), (["--edge", "customers->front"], "no edge that")],
)
def test_an_edge_that_is_not_there_is_refused_before_anything_starts(
    kiosk: Path, arguments: list[str], told: str
) -> None:
    done = recorded(str(kiosk), *arguments)
    assert isinstance(done.exception, DeclarationError)
    assert told in str(done.exception)
    assert not (kiosk.parent / ".harness").exists()
