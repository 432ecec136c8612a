from __future__ import annotations

from pathlib import Path

import pytest

from harness.declare.steps import read_steps
from harness.errors import DeclarationError
from harness.model.quantity import Duration, Share
from harness.model.steps import StepJourneys

WHOLE = """\
variables:
  sku: {choose: [sku-1, sku-2]}
  quantity: {between: [1, 5]}
  password: demo
journeys:
  browse: ["GET /products/{sku}"]
  buy:
    weight: 3
    deadline: 2 s
    variables: {colour: red}
    steps:
      - request: POST /sessions
        json: {email: "{customer}@example.org", password: "{password}"}
        capture: {token: /access_token}
      - request: PUT /cart/items/{sku}
        name: fill cart
        headers: {Authorization: "Bearer {token}"}
        query: {colour: "{colour}"}
        json: {quantity: "{quantity}"}
        check: {status: 2xx, json: {/items/0/sku: "{sku}"}, has: /items, contains: [cart], type: application/json}
        chance: 50%
        think: 100 ms
      - request: POST /orders
        headers: {Idempotency-Key: "{uuid.order}"}
        form: {sku: "{sku}"}
        capture: {where: header Location}
        check: {status: [201, 202]}
      - {request: "GET {where}", follow: true, key: "{uuid.order}"}
"""


def read(directory: Path, text: str) -> StepJourneys:
    file = directory / "journeys.yaml"
    file.write_text(text, encoding="utf-8")
    return read_steps(file)[0]


def problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        read(directory, text)
    return [str(problem).removeprefix(f"{directory}/journeys.yaml:") for problem in caught.value.problems]


def test_every_part_of_a_journey_is_read(tmp_path: Path) -> None:
    journeys = read(tmp_path, WHOLE)
    browse, buy = journeys["browse"], journeys["buy"]
    assert [step.operation for step in browse.steps] == ["GET /products/{sku}"]
    assert (buy.weight, buy.deadline) == (3, Duration(2))
    assert set(buy.variables) == {"sku", "quantity", "password", "colour"}
    fill = buy.steps[1]
    assert (fill.operation, fill.chance, fill.think) == ("fill cart", Share(0.5), Duration(0.1))
    assert fill.check.status == ("2xx",)
    assert fill.check.has == ("/items",)
    assert buy.steps[2].check.status == ("201", "202")
    assert buy.steps[3].follow


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("journeys: {a: ['GET /{sku}']}", "1:16: '{sku}' is neither a variable nor captured by an earlier step"),
        (
            'variables: {token: x}\njourneys:\n  a:\n    - {request: GET /, headers: {A: "{tokn}"}}',
            "4:37: '{tokn}' is neither a variable nor captured by an earlier step; did you mean 'token'?",
        ),
        (
            "journeys:\n  a:\n    - {request: GET /, capture: {id: items.0.id}}",
            "3:38: expected a JSON pointer such as /items/0/id, found 'items.0.id'; did you mean '/items/0/id'?",
        ),
        (
            "journeys:\n  a:\n    - {request: GET /, check: {json: {id: 1}}}",
            "3:39: expected a JSON pointer such as /items/0/id, found 'id'; did you mean '/id'?",
        ),
        ("journeys:\n  a: [GET /]\n  a: [GET /]", "3:3: key 'a' stands here twice"),
        (
            "journeys:\n  a:\n    - {request: GET /, name: x}\n    - {request: GET /, name: x}",
            "4:30: the step 'x' stands twice in this journey; rename one",
        ),
        (
            "journeys:\n  a: [GET http://shop.example/x]",
            (
                "2:7: expected a method and a path, as in 'GET /products/{sku}', found 'GET http://shop.example/x'; "
                "write 'GET /x': journeys begin at the entry"
            ),
        ),
        ("journeys:\n  a: [/x]", "2:7: expected a method and a path, as in 'GET /products/{sku}', found '/x'"),
        (
            "journeys:\n  a:\n    - {request: GET /, check: {status: 2x}}",
            "3:40: expected a status such as 200 or 2xx, found '2x'",
        ),
        ("journeys:\n  a:\n    - {request: GET /, chek: {}}", "3:24: unknown key 'chek'; did you mean 'check'?"),
        (
            "journeys:\n  a:\n    - {request: POST /, json: {a: 1}, body: x}",
            "3:7: expected one of 'json', 'form' and 'body'",
        ),
        ("variables: {Sku: a}\njourneys: {a: [GET /]}", "1:13: 'Sku' can't be filled in"),
        ("variables: {uuid: a}\njourneys: {a: [GET /]}", "1:13: 'uuid' is given by the harness; rename it"),
        ("variables: {n: {between: [5, 1]}}\njourneys: {a: [GET /]}", "1:16: 'n': expected the smaller number first"),
        (
            "journeys:\n  a:\n    - {request: GET /, chance: 10%, capture: {id: /id}}\n    - GET /{id}",
            "4:7: 'id' is captured by a step that only some visits do ('chance')",
        ),
        (
            "variables: {id: 1}\njourneys:\n  a:\n    - {request: GET /, capture: {id: /id}}",
            "4:34: 'id' is a variable already; rename one",
        ),
        ("journeys:\n  a: {weight: 2}", "2:6: 'a': expected either 'steps' or 'har'"),
        ("journeys: {}", "1:11: "),
        ("journeys: [", "1:12: is not YAML"),
        ("- a", "1:1: "),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, text)
    assert [each for each in found if each.startswith(told)], found


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = "journeys:\n  a: ['GET /{x}']\n  b: ['GET /{y}', FETCH /]"
    assert [each.partition(" ")[0] for each in problems(tmp_path, text)] == ["2:7:", "3:7:", "3:19:"]
