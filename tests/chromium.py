"""A real Chromium without a window, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.needs import program

START_LIMIT_S = 60.0
ANSWER_LIMIT_S = 60.0
LOOK_S = 0.05
MESSAGE_BYTES = 64 << 20
KEYS = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "End": {"key": "End", "code": "End", "windowsVirtualKeyCode": 35},
}


class Tab:
    """The one tab of it."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.errors: list[str] = []
        """What scripts have thrown, and what the page was kept from doing."""

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(ANSWER_LIMIT_S):
            async for message in self._socket:
                assert message.type is WSMsgType.TEXT, message
                said: dict[str, Any] = json.loads(message.data)
                self._hear(said)
                if said.get("id") == number:
                    assert "error" not in said, said
                    found: dict[str, Any] = said["result"]
                    return found
        raise AssertionError("Chromium has hung up")

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def value(self, script: str) -> Any:
        """Of an expression, promises awaited."""
        said = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def until(self, script: str, within_s: float = 30.0) -> Any:
        """Wait for an expression to be true; gives its value."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while not (found := await self.value(script)):
            assert loop.time() < end, f"not within {within_s:g} s: {script}"
            await asyncio.sleep(LOOK_S)
        return found

    async def press(self, key: str, *, shift: bool = False) -> None:
        modifiers = 8 if shift else 0
        await self.call("Input.dispatchKeyEvent", type="keyDown", modifiers=modifiers, **KEYS[key])
        await self.call("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **KEYS[key])

    async def type(self, text: str) -> None:
        for letter in text:
            await self.call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    async def look_like(self, *, width: int, dark: bool) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self) -> bytes:
        """Of the whole page, as a PNG."""
        said = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(said["data"])

    def _hear(self, said: dict[str, Any]) -> None:
        match said:
            case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": found}}:
                self.errors.append(str(found.get("exception", {}).get("description", found["text"])))
            case {"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": text}}}:
                self.errors.append(text)
            case _:
                pass


@asynccontextmanager
async def chromium(directory: Path) -> AsyncIterator[Tab]:
    """One with an empty profile below the directory; nothing of it is left."""
    profile = directory / "chromium"
    process = await asyncio.create_subprocess_exec(
        program("chromium", "chromium"),
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--remote-debugging-port=0", "--remote-debugging-address=127.0.0.1"),
        *(f"--user-data-dir={profile}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(directory)},  # it is killed, and leaves what it has there
        start_new_session=True,
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with ClientSession() as session:
            url = await _page(session, port)
            async with session.ws_connect(url, max_msg_size=MESSAGE_BYTES) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await tab.call(f"{domain}.enable")
                yield tab
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _page(session: ClientSession, port: int) -> str:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        return next(str(each["webSocketDebuggerUrl"]) for each in await answer.json() if each["type"] == "page")


async def _port(file: Path) -> int:
    loop = asyncio.get_running_loop()
    end = loop.time() + START_LIMIT_S
    while not (lines := await asyncio.to_thread(_lines, file)):
        assert loop.time() < end, f"Chromium did not start within {START_LIMIT_S:g} s"
        await asyncio.sleep(LOOK_S)
    return int(lines[0])


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split() if file.exists() else []
