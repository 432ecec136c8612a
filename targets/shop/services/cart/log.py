"""The write-ahead copy of the carts that this instance has changed: a file that is only ever added to."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kit.trouble import Unavailable
from kit.words import Strict

from cart.merge import Cart

LARGEST_BYTES = 8 * 1024 * 1024
"""A longer log is written anew, with what still matters."""
MOST_PENDING = 10_000
"""More carts than this are not accepted without a majority."""
log = logging.getLogger(__name__)


class _Line(Strict):
    """One line: a customer's cart as this instance has it, or None once the majority has it too."""

    customer_id: str
    cart: str | None


@dataclass(slots=True, kw_only=True)
class _Batch:
    """Lines that are brought to the disk together, and whoever waits for that."""

    lines: list[bytes]
    written: asyncio.Future[None]


class Log:
    """Carts that the majority has not taken yet; they outlive this process."""

    def __init__(self, path: Path | None) -> None:
        """Without a path there is nowhere to keep anything, and each `add` says so."""
        self._path = path
        self._file: IO[bytes] | None = None
        self._next: _Batch | None = None
        self._writer: asyncio.Task[None] | None = None
        self.pending: dict[str, Cart] = {}
        """By customer, what would be lost without the log."""
        if path is not None:
            self._replay(path)
            self._rewrite(path)

    def _replay(self, path: Path) -> None:
        """Take over what an earlier process has left; a line that was cut off when it died says nothing."""
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        for number, text in enumerate(lines, 1):
            try:
                line = _Line.model_validate_json(text)
                cart = None if line.cart is None else Cart.load(line.cart.encode())
            except ValueError:
                log.error("%s, line %d can't be read and is left out", path.name, number)  # noqa: TRY400 -- the line may hold personal data
                continue
            if cart is None:
                self.pending.pop(line.customer_id, None)
            else:
                self.pending[line.customer_id] = cart

    async def add(self, customer_id: str, cart: Cart) -> None:
        """Keep this cart; returns when it is on the disk, and raises Unavailable when it can't be brought there."""
        if self._path is None:
            raise Unavailable("disk", "there is no directory for a write-ahead copy", sent=False)
        if len(self.pending) >= MOST_PENDING and customer_id not in self.pending:
            raise Unavailable("disk", f"{MOST_PENDING} carts wait for the majority already", sent=False)
        await self._append(self._path, customer_id, cart)
        self.pending[customer_id] = cart

    async def settle(self, customer_id: str) -> None:
        """The majority has this cart: no need to keep it; without a disk it is merged once more, which does no harm."""
        if self.pending.pop(customer_id, None) is not None and self._path is not None:
            with suppress(Unavailable):
                await self._append(self._path, customer_id, None)

    def health(self) -> dict[str, object]:
        """The state of the copy, for people and for checks."""
        return {"pending": len(self.pending), "kept": self._path is not None}

    async def close(self) -> None:
        """Finish writing."""
        if self._writer is not None:
            await self._writer
        if self._file is not None:
            self._file.close()

    async def _append(self, path: Path, customer_id: str, cart: Cart | None) -> None:
        if self._next is None:
            self._next = _Batch(lines=[], written=asyncio.get_running_loop().create_future())
        batch = self._next
        batch.lines.append(_line(customer_id, cart))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_batches(path))
        await asyncio.shield(batch.written)

    async def _write_batches(self, path: Path) -> None:
        """Write what has gathered while the disk was busy, until nothing has."""
        while self._next is not None:
            batch, self._next = self._next, None
            try:
                if self._file is None or self._file.tell() > LARGEST_BYTES:
                    self._rewrite(path)
                await asyncio.to_thread(self._write, b"".join(batch.lines))
            except OSError as error:
                log.exception("the write-ahead copy can't be written")
                self._forget()
                batch.written.set_exception(Unavailable("disk", type(error).__name__, sent=False))
                batch.written.exception()  # whoever waited may be gone
            else:
                batch.written.set_result(None)

    def _forget(self) -> None:
        """Begin a new file with the next write: what this one ends with is unknown."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _write(self, lines: bytes) -> None:
        assert self._file is not None  # noqa: S101 -- it has just been opened
        self._file.write(lines)
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def _rewrite(self, path: Path) -> None:
        """Begin a new log with what is pending, and put it in the place of the old one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.writelines(_line(customer_id, cart) for customer_id, cart in self.pending.items())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        if self._file is not None:
            self._file.close()
        self._file = path.open("ab")


def _line(customer_id: str, cart: Cart | None) -> bytes:
    text = None if cart is None else cart.dump().decode()
    return _Line(customer_id=customer_id, cart=text).model_dump_json().encode() + b"\n"
