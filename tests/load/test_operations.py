from __future__ import annotations

from pathlib import Path

from harness.load.journey import Invocation, Sight
from harness.load.operations import OperationsWriter, read_operations
from harness.model.observation import Operation, Outcome


def written(file: Path) -> OperationsWriter:
    writer = OperationsWriter(file)
    first = writer.invoked(Invocation(name="place-order", key="k1"), journey="checkout", t=1.5)
    writer.invoked(Invocation(name="place-order", key="k2"), journey="checkout", t=1.75)
    writer.ended(op=first, mark="OK", value={"order_id": "o1", "cents": 5}, t=2.0)
    return writer


def test_operations_are_read_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path / "h").close()
    first, second = read_operations(tmp_path / "h")
    assert first == Operation(
        op=first.op,
        name="place-order",
        key="k1",
        journey="checkout",
        start=1.5,
        end=2.0,
        outcome=Outcome.OK,
        value={"order_id": "o1", "cents": 5},
    )
    assert (second.key, second.end, second.outcome, second.value) == ("k2", None, Outcome.UNKNOWN, {})


def test_a_line_is_in_the_file_before_the_writer_is_closed(tmp_path: Path) -> None:
    writer = written(tmp_path / "h")
    assert len(read_operations(tmp_path / "h")) == 2
    writer.close()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    written(tmp_path / "h").close()
    whole = (tmp_path / "h").read_bytes()
    (tmp_path / "h").write_bytes(whole[:-20])
    assert [operation.end for operation in read_operations(tmp_path / "h")] == [None, None]
    later = OperationsWriter(tmp_path / "h")
    later.invoked(Invocation(name="a", key="k3"), journey="checkout", t=9)
    later.close()
    assert [operation.key for operation in read_operations(tmp_path / "h")] == ["k1", "k2", "k3"]


def test_every_prefix_of_a_history_can_be_read(tmp_path: Path) -> None:
    written(tmp_path / "h").close()
    whole = (tmp_path / "h").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "h").write_bytes(whole[:length])
        assert all(isinstance(operation, Operation) for operation in read_operations(tmp_path / "h"))


def test_a_later_writer_appends(tmp_path: Path) -> None:
    written(tmp_path / "h").close()
    later = OperationsWriter(tmp_path / "h")
    later.invoked(Invocation(name="a", key="k3"), journey="checkout", t=9)
    later.close()
    operations = read_operations(tmp_path / "h")
    assert [operation.key for operation in operations] == ["k1", "k2", "k3"]
    assert len({operation.op for operation in operations}) == 3


def test_what_json_can_not_hold_is_kept_as_text(tmp_path: Path) -> None:
    writer = OperationsWriter(tmp_path / "h")
    op = writer.invoked(Invocation(name="a", key="k"), journey="j", t=0)
    writer.ended(op=op, mark="OK", value={"when": Path("x")}, t=1)  # type: ignore[dict-item]  # what a locustfile may do
    writer.close()
    assert read_operations(tmp_path / "h")[0].value == {"when": "x"}


def test_no_history_has_no_operations(tmp_path: Path) -> None:
    assert read_operations(tmp_path / "none") == ()


def test_what_was_to_be_written_is_known_although_the_operation_never_ended(tmp_path: Path) -> None:
    writer = OperationsWriter(tmp_path / "h")
    writes = Invocation(name="put", thing="cart/c1", session="c1", writes={"sku-1": 2, "sku-2": None}, once="k")
    writer.invoked(writes, journey="cart", t=1.0)
    writer.close()
    (operation,) = read_operations(tmp_path / "h")
    assert (operation.outcome, operation.end) == (Outcome.UNKNOWN, None)
    assert (operation.thing, operation.session, operation.once) == ("cart/c1", "c1", "k")
    assert operation.writes == {"sku-1": 2, "sku-2": None}


def test_what_was_seen_is_read_as_it_was_written(tmp_path: Path) -> None:
    writer = OperationsWriter(tmp_path / "h")
    for saw in (Sight(fields={}), Sight(fields={"sku-1": 2}, whole=False), None):
        op = writer.invoked(Invocation(name="get", thing="cart/c1", session="c1"), journey="cart", t=1.0)
        writer.ended(op=op, mark="OK", value={"version": 7}, saw=saw, t=2.0)
    writer.close()
    seen = [(operation.saw, operation.whole) for operation in read_operations(tmp_path / "h")]
    assert seen == [({}, True), ({"sku-1": 2}, False), (None, True)]
