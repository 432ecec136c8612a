from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.breaking import breaking
from harness.contracts.breaking.change import Level
from harness.contracts.breaking.event_change import changes_of
from harness.contracts.compare.events import read_event
from harness.errors import HarnessError
from tests.contracts.breaking.shop import EVENT, Document, changed, write

Edit = Callable[[Document], object]


def put(name: str, schema: object) -> Edit:
    return lambda document: document["properties"].__setitem__(name, schema)


def word(name: str, key: str, value: object) -> Edit:
    return lambda document: document["properties"][name].__setitem__(key, value)


def gone(name: str, key: str) -> Edit:
    return lambda document: document["properties"][name].pop(key)


def whole(key: str, value: object) -> Edit:
    return lambda document: document.__setitem__(key, value)


def gone_whole(key: str) -> Edit:
    return lambda document: document.pop(key)


def drop(name: str) -> Edit:
    def edit(document: Document) -> None:
        del document["properties"][name]
        document["required"] = [each for each in document["required"] if each != name]

    return edit


@pytest.mark.parametrize(
    ("edit", "rule", "level"),
    [
        (drop("amount_cents"), "event-required-property-removed", Level.BREAKING),
        (drop("note"), "event-optional-property-removed", Level.RISKY),
        (whole("required", ["order_id", "kind"]), "event-property-became-optional", Level.BREAKING),
        (whole("required", ["order_id", "amount_cents", "kind", "note"]), "event-property-became-required", Level.SAFE),
        (put("new", {"type": "string"}), "event-property-added", Level.RISKY),
        (word("order_id", "type", ["string", "null"]), "event-type-widened", Level.BREAKING),
        (word("amount_cents", "type", "number"), "event-type-widened", Level.BREAKING),
        (word("amount_cents", "type", "string"), "event-type-changed", Level.BREAKING),
        (word("kind", "enum", ["card", "cash", "coin"]), "event-enum-value-added", Level.RISKY),
        (word("kind", "enum", ["card"]), "event-enum-value-removed", Level.SAFE),
        (put("kind", {"type": "string"}), "event-enum-removed", Level.RISKY),
        (word("order_id", "format", "email"), "event-format-changed", Level.BREAKING),
        (gone("order_id", "format"), "event-format-removed", Level.RISKY),
        (word("amount_cents", "format", "int32"), "event-format-added", Level.SAFE),
        (word("note", "pattern", "^.$"), "event-pattern-changed", Level.RISKY),
        (word("amount_cents", "maximum", 200), "event-wider-maximum", Level.RISKY),
        (word("amount_cents", "maximum", 50), "event-narrower-maximum", Level.SAFE),
        (word("amount_cents", "minimum", 0), "event-wider-minimum", Level.RISKY),
        (gone("amount_cents", "minimum"), "event-wider-minimum", Level.RISKY),
        (word("amount_cents", "minimum", 2), "event-narrower-minimum", Level.SAFE),
        (gone_whole("additionalProperties"), "event-additional-properties-allowed", Level.RISKY),
        (whole("x-subject", "payments.got"), "event-subject-changed", Level.BREAKING),
        (
            whole("$defs", {"Line": {"type": "object", "properties": {"sku": {"type": "integer"}}}}),
            "event-type-changed",
            Level.BREAKING,
        ),
    ],
)
def test_a_change_is_judged_by_those_who_read_the_event(tmp_path: Path, edit: Edit, rule: str, level: Level) -> None:
    old, new = write(tmp_path / "old.json", EVENT), write(tmp_path / "new.json", changed(EVENT, edit))
    found = {each.rule: each.level for each in changes_of(read_event(old), read_event(new))}
    assert found.get(rule) == level, found


def test_a_narrower_type_is_safe(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", changed(EVENT, word("note", "type", ["string", "null"])))
    new = write(tmp_path / "new.json", EVENT)
    assert [(each.rule, each.level) for each in changes_of(read_event(old), read_event(new))] == [
        ("event-type-narrowed", Level.SAFE)
    ]


def test_an_event_that_stays_as_it_is_has_no_changes(tmp_path: Path) -> None:
    file = write(tmp_path / "one.json", EVENT)
    assert changes_of(read_event(file), read_event(file)) == ()


def test_words_that_mean_the_same_are_no_change(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", changed(EVENT, put("note", {"anyOf": [{"type": "string"}, {"type": "null"}]})))
    new = write(tmp_path / "new.json", changed(EVENT, put("note", {"type": ["string", "null"]})))
    assert changes_of(read_event(old), read_event(new)) == ()


def test_a_schema_that_contains_itself_comes_to_an_end(tmp_path: Path) -> None:
    tree = changed(EVENT, put("lines", {"type": "array", "items": {"$ref": "#"}}))
    old = write(tmp_path / "old.json", tree)
    new = write(tmp_path / "new.json", changed(tree, drop("note")))
    assert changes_of(read_event(old), read_event(new))


@pytest.fixture
def ask(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Edit], Result]:
    monkeypatch.chdir(shop)

    def run(edit: Edit) -> Result:
        old = shop / "contracts" / "events" / "PaymentReceived.json"
        new = write(shop / "new.json", changed(EVENT, edit))
        return CliRunner().invoke(breaking, [str(old), str(new)])

    return run


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (drop("amount_cents"), "declares no amount_cents here"),
        (word("amount_cents", "type", "string"), "5 is not of type 'string'"),
        (word("amount_cents", "type", ["integer", "null"]), "it reads this"),
        (word("kind", "enum", ["card", "cash", "coin"]), "its pact takes one value here"),
        (whole("required", ["order_id", "kind"]), "it reads this"),
        (whole("x-subject", "payments.got"), "it reads this answer"),
    ],
)
def test_a_consumer_of_the_event_that_breaks_is_named_with_its_owner(
    ask: Callable[[Edit], Result], edit: Edit, why: str
) -> None:
    done = ask(edit)
    assert done.exit_code == 1, done.output
    assert "PaymentReceived of payments breaks books (finance)" in done.output
    assert "books, owned by finance: a payment was received [PaymentReceived]" in done.output
    assert why in done.output


def test_what_no_consumer_reads_breaks_nobody(ask: Callable[[Edit], Result]) -> None:
    done = ask(drop("note"))
    assert done.exit_code == 0
    assert "breaks nobody: 1 consumer with a pact" in done.output
    assert "nobody alive notices:\n  risky: PaymentReceived: note: optional property is gone" in done.output


@pytest.mark.parametrize(
    "edit", [word("note", "maxLength", "one"), put("note", {"allOf": "all"}), whole("required", 5)]
)
def test_a_schema_that_is_none_ends_in_a_message(ask: Callable[[Edit], Result], edit: Edit) -> None:
    done = ask(edit)
    assert done.exit_code in {0, 1} or isinstance(done.exception, HarnessError), done.exception
