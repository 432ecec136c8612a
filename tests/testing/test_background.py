"""The event loop behind synchronous tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from harness.testing.background import Background


@pytest.fixture
def background() -> Iterator[Background]:
    running = Background()
    yield running
    running.close()


def test_work_gives_its_result_from_another_thread(background: Background) -> None:
    async def work() -> threading.Thread:
        return threading.current_thread()

    assert background.run(work()) is not threading.current_thread()


def test_an_exception_of_the_work_reaches_the_caller(background: Background) -> None:
    async def work() -> None:
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        background.run(work())


def test_what_work_has_started_goes_on_between_calls(background: Background) -> None:
    async def start() -> asyncio.Queue[int]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        task = asyncio.create_task(count(queue))
        queue.task = task  # type: ignore[attr-defined]  # keeps the task alive
        return queue

    async def count(queue: asyncio.Queue[int]) -> None:
        for number in range(3):
            await queue.put(number)

    queue = background.run(start())

    assert [background.run(queue.get()) for _ in range(3)] == [0, 1, 2]


def test_closing_cancels_what_still_runs() -> None:
    ended: list[str] = []

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def start() -> asyncio.Task[None]:
        task = asyncio.create_task(for_ever())
        await asyncio.sleep(0)
        return task

    background = Background()
    background.run(start())
    background.close()

    assert ended == ["cancelled"]
