from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.cli.breaking import breaking
from harness.contracts.breaking.oasdiff import VARIABLE
from harness.errors import ContractError, DeclarationError
from tests.contracts.breaking.shop import BASE, Document, changed, write


@pytest.fixture
def ask(shop: Path, oasdiff: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv(VARIABLE, str(oasdiff))
    monkeypatch.chdir(shop)

    def run(change: Callable[[Document], object], *arguments: str) -> Result:
        old = shop / "contracts" / "openapi" / "payments.json"
        new = write(shop / "new.json", changed(BASE, change))
        return CliRunner().invoke(breaking, [str(old), str(new), *arguments])

    return run


def charge(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]["Charge"]
    return found


def drop(name: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        del charge(document)["properties"][name]
        charge(document)["required"] = [each for each in charge(document)["required"] if each != name]

    return change


def to_text(document: Document) -> None:
    charge(document)["properties"]["amount_cents"] = {"type": "string"}


def rename(document: Document) -> None:
    properties, required = charge(document)["properties"], charge(document)["required"]
    properties["amount"] = properties.pop("amount_cents")
    required[required.index("amount_cents")] = "amount"


def new_required(document: Document) -> None:
    schema = document["paths"]["/charges"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema["properties"]["currency"] = {"type": "string"}
    schema["required"].append("currency")


def new_status(document: Document) -> None:
    responses = document["paths"]["/charges"]["post"]["responses"]
    responses["202"] = responses.pop("201")


def another_success(document: Document) -> None:
    responses = document["paths"]["/charges"]["post"]["responses"]
    responses["202"] = responses["201"]


def remove_operation(document: Document) -> None:
    del document["paths"]["/charges"]


def move_within_lists(document: Document) -> None:
    items = charge(document)["properties"]["lines"]["items"]
    items["properties"] = {"code": {"type": "string"}}
    items["required"] = ["code"]


def nullable(document: Document) -> None:
    charge(document)["properties"]["amount_cents"]["type"] = ["integer", "null"]


@pytest.mark.parametrize(
    ("change", "rule", "why"),
    [
        (drop("amount_cents"), "response-required-property-removed", "declares no amount_cents here"),
        (to_text, "response-property-type-changed", "5 is not of type 'string'"),
        (rename, "response-required-property-removed", "perhaps it is called amount now"),
        (new_required, "new-required-request-property", "'currency' is a required property"),
        (new_status, "response-success-status-removed", "201 is not declared"),
        (another_success, "response-success-status-added", "no interaction of its has this answer"),
        (remove_operation, "api-path-removed-without-deprecation", "has no such path"),
        (move_within_lists, "response-required-property-removed", "perhaps it is called code now"),
        (nullable, "response-property-", "it reads this"),
    ],
)
def test_a_change_that_breaks_a_living_consumer_is_caught_with_its_owner(
    ask: Callable[..., Result], change: Callable[[Document], object], rule: str, why: str
) -> None:
    done = ask(change, "--provider", "payments")
    assert done.exit_code == 1, done.output
    assert "payments breaks orders (checkout)" in done.output
    assert "orders, owned by checkout: a request to charge [POST /charges]" in done.output
    assert "orders-payments.json:" in done.output
    assert rule in done.output
    assert why in done.output


def test_a_breaking_change_that_nobody_relies_on_is_told_and_ends_with_0(ask: Callable[..., Result]) -> None:
    done = ask(drop("note"))
    assert done.exit_code == 0, done.output
    assert "payments breaks nobody: 2 consumers with a pact" in done.output
    assert "nobody alive notices:\n  risky: POST /charges: removed the optional property `note`" in done.output


def test_only_those_who_read_it_break(ask: Callable[..., Result]) -> None:
    done = ask(drop("status"))
    assert done.exit_code == 1
    assert "payments breaks books (finance)\n" in done.output
    assert "orders, owned" not in done.output


def test_a_new_value_may_break_whom_any_value_suits(ask: Callable[..., Result]) -> None:
    done = ask(lambda document: charge(document)["properties"]["status"]["enum"].append("disputed"))
    assert done.exit_code == 0, done.output
    assert "payments surely breaks nobody, but may break books (finance)" in done.output
    assert "whether the consumer does is not proved" in done.output


def test_nothing_changed_is_told(ask: Callable[..., Result]) -> None:
    done = ask(lambda _document: None, "--provider", "payments")
    assert done.exit_code == 0
    assert done.output == "nothing changed in payments\n"


def test_the_provider_is_told_from_the_name_of_the_file(ask: Callable[..., Result]) -> None:
    assert ask(to_text).exit_code == 1


def test_markdown_for_a_pull_request(ask: Callable[..., Result], tmp_path: Path) -> None:
    ask(rename, "--markdown", str(tmp_path / "out.md"))
    text = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert text.startswith("## ❌ payments breaks orders (checkout)\n")
    assert "| orders | checkout | a request to charge [POST /charges] |" in text


def test_an_interaction_that_did_not_fit_before_is_no_news(ask: Callable[..., Result], shop: Path) -> None:
    file = shop / "contracts" / "pacts" / "orders-payments.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"charge_id"', '"id"'), encoding="utf-8")
    done = ask(drop("amount_cents"))
    assert "not judged, since it did not fit the old one" in done.output
    assert "orders, owned" not in done.output


def test_a_broken_pact_is_told_and_the_rest_is_crossed(ask: Callable[..., Result], shop: Path) -> None:
    (shop / "contracts" / "pacts" / "zz.json").write_text("{", encoding="utf-8")
    done = ask(rename)
    assert done.exit_code == 2
    assert "zz.json:1:2: expected JSON" in done.output
    assert "payments breaks orders (checkout)" in done.output


def test_without_a_system_nobody_is_known_to_own_anything(
    oasdiff: Path, shop: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(oasdiff))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    old = shop / "contracts" / "openapi" / "payments.json"
    new = write(shop / "new.json", changed(BASE, rename))
    done = CliRunner().invoke(breaking, [str(old), str(new), "--pacts", str(shop / "contracts" / "pacts")])
    assert done.exit_code == 1
    assert "payments breaks orders (nobody known)" in done.output


def test_without_any_pacts_nothing_is_said_to_be_fine(ask: Callable[..., Result], tmp_path: Path) -> None:
    done = ask(rename, "--pacts", str(tmp_path / "nowhere"))
    assert isinstance(done.exception, ContractError)
    assert "expected pacts in" in str(done.exception)


def test_a_document_that_is_not_there_is_told(shop: Path, oasdiff: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(oasdiff))
    monkeypatch.chdir(shop)
    done = CliRunner().invoke(breaking, ["gone.json", "contracts/openapi/payments.json"])
    assert isinstance(done.exception, DeclarationError)
    assert "gone.json: expected an OpenAPI document that can be read" in str(done.exception)
