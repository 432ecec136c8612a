"""The process that keeps a system up listens here to what is to be broken and healed by hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from harness.cli.control_words import (
    LINE_BYTES,
    REQUESTS,
    SOCKET,
    Answer,
    HealRequest,
    InjectRequest,
    PingRequest,
    Request,
    socket_path,
)
from harness.engine.by_hand import Asked, ByHand
from harness.errors import HarnessError
from harness.model.fault import Healed, HealedBy, Injection

MOST_AT_ONCE = 20
"""Conversations."""
ASKED_WITHIN_S = 5.0
"""How long one that connects may take to say what it wants."""
OWNER_ONLY = 0o600


class Control:
    """The listening end. Made by `open`."""

    def __init__(self, by_hand: ByHand, directory: Path) -> None:
        self._by_hand = by_hand
        self._directory = directory
        self._server: asyncio.Server
        self._conversations: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, by_hand: ByHand, directory: Path) -> Self:
        """Listen in the run's directory; raises HarnessError when that can't be done."""
        control = cls(by_hand, directory)
        try:
            listener = _listener(directory)
        except OSError as error:
            raise HarnessError(f"expected to listen at {directory / SOCKET}: {error.strerror}") from error
        control._server = await asyncio.start_unix_server(control._begin, sock=listener, limit=LINE_BYTES)
        return control

    async def close(self) -> None:
        """Hear nobody any more. What is in force is healed by the injector, which outlives this."""
        self._server.close()
        for each in self._conversations:
            each.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        await self._by_hand.close()
        (self._directory / SOCKET).unlink(missing_ok=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._conversations) >= MOST_AT_ONCE:
            writer.write(Answer(kind="error", evidence=f"{MOST_AT_ONCE} others are asking; try again").line())
            writer.close()
            return
        task = asyncio.create_task(self._converse(reader, writer))
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answers; one that goes away is answered no more, and what it asked for goes on."""
        try:
            async with asyncio.timeout(ASKED_WITHIN_S):
                said = await reader.readline()
            if said:
                await self._obey(REQUESTS.validate_json(said), writer)
        except (ValidationError, ValueError) as error:  # a line that is too long is a ValueError
            self._say(writer, Answer(kind="error", evidence=f"expected a request, found {_first_line(error)}"))
        except HarnessError as error:
            self._say(writer, Answer(kind="error", evidence=str(error)))
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _obey(self, request: Request, writer: asyncio.StreamWriter) -> None:
        match request:
            case InjectRequest():
                await self._inject(request, writer)
            case HealRequest():
                await self._heal(request, writer)
            case PingRequest():
                pass
        self._say(writer, Answer(kind="end"))

    async def _inject(self, request: InjectRequest, writer: asyncio.StreamWriter) -> None:
        asked = Asked(
            target=request.target, fault=request.fault, attributes=request.attributes, lasts_s=request.lasts_s
        )
        # It is not given up halfway when the one who asked is gone.
        held, armed, healed = await asyncio.shield(asyncio.ensure_future(self._by_hand.inject(asked)))
        injection = held.injection
        answer = Answer(
            kind="armed",
            injection=injection.id,
            what=injection.describe(),
            good=armed.in_force,
            evidence=armed.evidence,
            took_s=armed.took_s,
        )
        self._say(writer, answer)
        healed = healed or await self._by_hand.until_healed(injection.id)
        if healed is not None:
            self._say(writer, _healed(injection, healed))

    async def _heal(self, request: HealRequest, writer: asyncio.StreamWriter) -> None:
        if request.injection is None:
            await self._put_right(writer)
            for held, healed in await self._by_hand.heal_all():
                self._say(writer, _healed(held.injection, healed))
            return
        for held in self._by_hand.in_force:
            if held.injection.id == request.injection:
                self._say(writer, _healed(held.injection, await self._by_hand.heal(held.injection.id)))

    async def _put_right(self, writer: asyncio.StreamWriter) -> None:
        """First what healing goes through."""
        loop = asyncio.get_running_loop()
        began, good, by = loop.time(), True, HealedBy.RESTARTED.value
        evidence = "it was dead or hung; all that should be on its lines is on them again"
        try:
            names = await self._by_hand.put_right()
        except HarnessError as error:
            names, good, evidence = ["what stands on the lines"], False, str(error)
        for what in names:
            took_s = loop.time() - began
            self._say(writer, Answer(kind="healed", what=what, good=good, by=by, evidence=evidence, took_s=took_s))

    @staticmethod
    def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
        if not writer.is_closing():
            writer.write(answer.line())


def _listener(directory: Path) -> socket.socket:
    """Bound, and closed to others before anybody can connect to it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_path(directory) as path:
            Path(path).unlink(missing_ok=True)
            listener.bind(path)
            os.chmod(path, OWNER_ONLY)  # noqa: PTH101 -- a descriptor's path is no path of ours
    except BaseException:
        listener.close()
        raise
    return listener


def _healed(injection: Injection, healed: Healed) -> Answer:
    return Answer(
        kind="healed",
        injection=injection.id,
        what=injection.describe(),
        good=healed.verified,
        evidence=healed.evidence,
        took_s=healed.took_s,
        by=healed.by.value,
    )


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        return f"{'.'.join(map(str, found['loc'])) or 'a line'}: {found['msg']}"
    return str(error).splitlines()[0]
