from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from kit.deadline import Deadline
from kit.identity import Identity, KeySet, Pace, ServiceToken
from kit.trouble import Refused, Unavailable
from users.ring import Ring

from tests.targets.conftest import FakeClock
from tests.targets.tokens import Tokens

QUICK = Pace(every_s=60.0, pause_s=0.05)
WITHIN_S = 5.0


class Users:
    """Answers, counts, and is away when told to be."""

    def __init__(self, *known: Tokens, life_s: int = 600) -> None:
        self.known = list(known)
        self.life_s = life_s
        self.away = False
        self.key_reads = 0
        self.tokens = 0

    async def keys(self) -> KeySet:
        self.key_reads += 1
        self._check()
        ring = Ring(3600, [tokens.key for tokens in self.known])
        return KeySet.model_validate(ring.published().model_dump())

    async def token(self) -> ServiceToken:
        self._check()
        self.tokens += 1
        return ServiceToken(access_token=f"token-{self.tokens}", expires_in_s=self.life_s)

    def _check(self) -> None:
        if self.away:
            raise Unavailable("users", "it is away", sent=False)


@asynccontextmanager
async def running(identity: Identity) -> AsyncIterator[Identity]:
    task = asyncio.create_task(identity.run())
    try:
        yield identity
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 -- it is a question, nobody tells
            await asyncio.sleep(0.005)


async def token_of(identity: Identity, within_s: float = WITHIN_S) -> str:
    headers = await identity.headers(for_customer=False, limit=Deadline.within(within_s))
    return headers["Authorization"].removeprefix("Bearer ")


async def why(work: Awaitable[object]) -> str:
    with pytest.raises(Refused) as caught:
        await work
    assert caught.value.status == 401
    return caught.value.detail


async def test_without_an_issuer_no_token_is_sent_and_none_is_believed() -> None:
    identity = Identity()
    assert await identity.headers(for_customer=False, limit=Deadline.within(1)) == {}
    assert "unknown key" in await why(identity.holder(Tokens().of("cart")))
    await identity.run()


async def test_a_call_waits_for_the_first_token_within_its_deadline() -> None:
    users = Users()
    users.away = True
    async with running(Identity(users, pace=QUICK)) as identity:
        with pytest.raises(Unavailable, match="no service token yet") as caught:
            await token_of(identity, within_s=0.1)
        assert not caught.value.sent
        waiting = asyncio.create_task(token_of(identity))
        users.away = False
        assert await waiting == "token-1"


async def test_a_token_is_renewed_at_half_of_its_life() -> None:
    users = Users(life_s=1)
    async with running(Identity(users, pace=QUICK)) as identity:
        await token_of(identity)
        await until(lambda: users.tokens == 2)
        assert await token_of(identity) != "token-1"


async def test_a_token_that_lives_long_is_asked_for_once() -> None:
    users = Users(Tokens())
    async with running(Identity(users, pace=QUICK)) as identity:
        for _ in range(100):
            assert await token_of(identity) == "token-1"
        await until(lambda: users.key_reads == 1)
    assert users.tokens == 1


async def test_while_users_is_away_the_token_in_hand_serves_until_its_end(clock: FakeClock) -> None:
    users = Users()
    async with running(Identity(users, pace=QUICK, clock=clock)) as identity:
        assert await token_of(identity) == "token-1"
        users.away = True
        clock.pass_s(599)
        assert await token_of(identity) == "token-1"
        clock.pass_s(2)
        with pytest.raises(Unavailable, match="no service token yet"):
            await token_of(identity, within_s=0.05)


async def test_while_users_is_away_the_last_known_keys_serve() -> None:
    old = Tokens()
    users = Users(old)
    async with running(Identity(users, pace=Pace(every_s=0.01, pause_s=0.0))) as identity:
        assert (await identity.holder(old.of("cart"))).name == "cart"
        users.away = True
        reads = users.key_reads
        await until(lambda: users.key_reads > reads + 1)
        assert (await identity.holder(old.of("orders"))).name == "orders"
        with pytest.raises(Unavailable, match="not among the last known"):
            await identity.holder(Tokens().of("cart"))


async def test_without_any_key_a_token_waits_until_users_is_there() -> None:
    tokens = Tokens()
    users = Users(tokens)
    users.away = True
    async with running(Identity(users, pace=QUICK)) as identity:
        waiting = asyncio.create_task(identity.holder(tokens.of("cart")))
        await until(lambda: users.key_reads > 1)
        assert not waiting.done()
        users.away = False
        assert (await waiting).name == "cart"


async def test_a_new_key_is_looked_up_when_a_token_names_it(clock: FakeClock) -> None:
    old, new = Tokens(), Tokens()
    users = Users(old)
    async with running(Identity(users, pace=QUICK, clock=clock)) as identity:
        await identity.holder(old.of("cart"))
        users.known.append(new)
        clock.pass_s(1)
        assert (await identity.holder(new.of("cart"))).name == "cart"
        assert users.key_reads == 2


async def test_rubbish_does_not_make_users_read_its_keys_more_often_than_the_pause_allows() -> None:
    users = Users(Tokens())
    async with running(Identity(users, pace=Pace(every_s=60.0, pause_s=60.0))) as identity:
        await until(lambda: users.key_reads == 1)
        for _ in range(200):
            assert "unknown key" in await why(identity.holder(Tokens().of("cart")))
        assert users.key_reads == 1


async def test_a_burst_of_rubbish_after_the_pause_is_one_look_up(clock: FakeClock) -> None:
    users = Users(Tokens())
    async with running(Identity(users, pace=QUICK, clock=clock)) as identity:
        await until(lambda: users.key_reads == 1)
        clock.pass_s(1)
        answers = await asyncio.gather(
            *(identity.holder(Tokens().of("cart")) for _ in range(20)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {Refused}
        assert users.key_reads == 2


async def test_a_key_that_is_not_published_any_more_is_forgotten() -> None:
    old, new = Tokens(), Tokens()
    users = Users(old, new)
    async with running(Identity(users, pace=Pace(every_s=0.01, pause_s=0.01))) as identity:
        await identity.holder(old.of("cart"))
        users.known.remove(old)
        reads = users.key_reads
        await until(lambda: users.key_reads > reads + 1)
        assert "unknown key" in await why(identity.holder(old.of("cart")))


async def test_a_token_that_was_verified_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens()
    identity = Identity()
    identity.learn(tokens.keys)
    text = tokens.of("cart")
    await identity.holder(text)
    monkeypatch.setattr("kit.identity.jwt.decode", None)
    assert (await identity.holder(text)).name == "cart"


async def test_a_token_that_was_verified_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens()
    identity = Identity()
    identity.learn(tokens.keys)
    now = time.time()
    text = tokens.signed(exp=int(now) + 60)
    await identity.holder(text)
    monkeypatch.setattr("kit.identity.time.time", lambda: now + 61)
    identity._keys.clear()
    assert "unknown key" in await why(identity.holder(text))


async def test_only_so_many_verified_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.identity.LARGEST_CACHE", 3)
    tokens = Tokens()
    identity = Identity()
    identity.learn(tokens.keys)
    for _ in range(10):
        await identity.holder(tokens.of("cart"))
    assert len(identity._verified) == 3
