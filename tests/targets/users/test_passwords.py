from __future__ import annotations

import asyncio

import pytest
from kit.trouble import Unavailable
from users import app, passwords
from users.passwords import MOST_WAITING, Passwords

COST = 16


async def test_a_password_matches_what_was_stored_of_it_and_no_other_does() -> None:
    made = Passwords(COST)
    stored = await made.stored("correct horse")
    assert await made.match("correct horse", stored)
    assert not await made.match("correct horsf", stored)
    assert not await made.match("correct horse", None)


async def test_the_same_password_is_stored_differently_each_time_and_never_as_it_is() -> None:
    made = Passwords(COST)
    one, two = await made.stored("correct horse"), await made.stored("correct horse")
    assert one != two
    assert "horse" not in one


async def test_what_was_stored_at_another_cost_still_matches() -> None:
    stored = await Passwords(2 * COST).stored("correct horse")
    assert stored.startswith("scrypt$32$")
    assert await Passwords(COST).match("correct horse", stored)


async def test_nobody_in_particular_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[int] = []
    real = passwords.hashed

    def counted(password: str, salt: bytes, cost: int) -> str:
        costs.append(cost)
        return real(password, salt, cost)

    made = Passwords(COST)
    stored = await made.stored("correct horse")
    monkeypatch.setattr(passwords, "hashed", counted)
    await made.match("wrong", stored)
    await made.match("wrong", None)
    assert costs == [COST, COST]


async def test_the_loop_goes_on_while_a_password_is_compared_and_too_many_are_refused() -> None:
    made = Passwords(2**14)
    tasks = [asyncio.create_task(made.match("wrong", None)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many passwords"):
        await made.match("wrong", None)
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not await made.match("wrong", None)


@pytest.mark.parametrize("text", ["0", "1", "1000", "-16", "lots", "1e3", "262144", "9" * 5000])
def test_a_cost_that_is_none_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match="PASSWORD_COST: expected a power of two"):
        app._cost(text)
    assert app._cost("1024") == 1024
