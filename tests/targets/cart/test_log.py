from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cart import log as logs
from cart.log import Log
from cart.merge import Cart, When
from kit.trouble import Unavailable


def cart(quantity: int) -> Cart:
    return Cart().put("sku-0001", quantity, When(at_ms=quantity, by="cart-1"))


def left(path: Path) -> dict[str, dict[str, int]]:
    """What the next process finds."""
    log = Log(path)
    assert log._file is not None
    log._file.close()
    return {customer: found.items for customer, found in log.pending.items()}


async def test_what_was_added_and_not_settled_is_found_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "new" / "carts.log"
    log = Log(path)
    await asyncio.gather(*(log.add(f"customer-{number}", cart(1)) for number in range(50)))
    await log.add("customer-1", cart(2))
    await log.settle("customer-2")
    await log.settle("customer-unknown")
    found = left(path)
    assert len(found) == 49
    assert found["customer-1"] == {"sku-0001": 2}
    await log.close()


async def test_a_line_that_was_cut_off_or_spoilt_loses_no_other(tmp_path: Path) -> None:
    path = tmp_path / "carts.log"
    log = Log(path)
    for customer in "abc":
        await log.add(customer, cart(1))
    await log.close()
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], b"\xff{", lines[2], lines[1][:30]]))
    assert left(path) == {"a": {"sku-0001": 1}, "c": {"sku-0001": 1}}


async def test_a_disk_that_fails_is_told_and_does_not_spoil_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "carts.log"
    log = Log(path)
    await log.add("a", cart(1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", full)
        with pytest.raises(Unavailable, match="disk is unavailable"):
            await log.add("b", cart(1))
    await log.add("c", cart(1))
    assert set(left(path)) == {"a", "c"}
    await log.close()


async def test_a_long_log_is_written_anew_with_what_still_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 2000)
    path = tmp_path / "carts.log"
    log = Log(path)
    for quantity in range(1, 20):
        await log.add("a", cart(quantity))
        await log.add("b", cart(quantity))
        await log.settle("b")
    assert path.stat().st_size < 2500
    assert left(path) == {"a": {"sku-0001": 19}}
    await log.close()


async def test_without_a_directory_or_with_too_much_waiting_nothing_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match="no directory"):
        await Log(None).add("a", cart(1))
    monkeypatch.setattr(logs, "MOST_PENDING", 1)
    log = Log(tmp_path / "carts.log")
    await log.add("a", cart(1))
    await log.add("a", cart(2))
    with pytest.raises(Unavailable, match="wait for the majority"):
        await log.add("b", cart(1))
    await log.close()
