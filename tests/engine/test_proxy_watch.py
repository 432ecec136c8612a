"""The watch over the proxies: what died meanwhile is told, and no look is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from harness.engine.proxy_watch import LOOK_S, watched
from harness.errors import HarnessError, ProxyError


class Proxies:
    """Who died, look by look; a look takes as long as it is told to."""

    def __init__(self, *found: Sequence[str] | HarnessError) -> None:
        self.found = list(found)
        self.looks = 0
        self.whole = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def put_right(self) -> Sequence[str]:
        self.looks += 1
        await self.go_on.wait()
        self.whole += 1
        found = self.found.pop(0) if self.found else ()
        if isinstance(found, HarnessError):
            raise found
        return found


async def test_nothing_is_told_where_all_are_well_and_it_is_looked_at_least_once() -> None:
    proxies, told = Proxies(), set[str]()
    async with watched(proxies.put_right, told.update):
        pass
    assert (proxies.looks, told) == (1, set())


async def test_who_died_is_told_while_it_is_watched() -> None:
    proxies, told = Proxies(["relay"]), asyncio.Event()
    async with asyncio.timeout(LOOK_S + 5), watched(proxies.put_right, lambda _names: told.set()):
        await told.wait()


async def test_who_died_after_the_last_look_is_told_by_one_more() -> None:
    proxies, told = Proxies(), set[str]()
    async with watched(proxies.put_right, told.update):
        while not proxies.whole:  # noqa: ASYNC110 -- the proxies of this test have no event for it
            await asyncio.sleep(0)
        proxies.found = [["relay"]]
    assert told == {"relay"}


async def test_a_look_is_not_broken_off_even_when_what_is_watched_fails() -> None:
    proxies, told = Proxies(["relay"]), set[str]()
    proxies.go_on.clear()

    async def fail() -> None:
        async with watched(proxies.put_right, told.update):
            while not proxies.looks:  # noqa: ASYNC110 -- as above
                await asyncio.sleep(0)
            asyncio.get_running_loop().call_later(0.01, proxies.go_on.set)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert proxies.looks == proxies.whole
    assert told == {"relay"}


async def test_a_proxy_that_can_not_be_started_anew_is_told_and_watched_on() -> None:
    proxies, told = Proxies(ProxyError("it does not come up"), ["relay"]), set[str]()
    async with watched(proxies.put_right, told.update):
        while not proxies.whole:  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0)
    assert told == {"the watch over the proxies (it does not come up)", "relay"}
