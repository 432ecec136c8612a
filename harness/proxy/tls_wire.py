"""TLS on a connection, with the bytes of the line in sight: faults are told by those, not by what is hidden in them."""

from __future__ import annotations

import asyncio
import ssl

READ_BYTES = 65536


class TlsWire:
    """The client's end; raises ssl.SSLError when the other end doesn't speak TLS, or can't be trusted."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, trust: ssl.SSLContext, host: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trust.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.received = 0

    async def shake_hands(self) -> bool:
        """Whether both agreed; False when the connection was closed before."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send()
                if not await self._receive():
                    return False
            else:
                self._send()
                return True

    def write(self, data: bytes) -> None:
        """Send."""
        self._tls.write(data)
        self._send()

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        while True:
            try:
                return self._tls.read(READ_BYTES)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                self._send()
                if not await self._receive():
                    return b""

    def _send(self) -> None:
        self._writer.write(self._outgoing.read())

    async def _receive(self) -> bool:
        data = await self._reader.read(READ_BYTES)
        self.received += len(data)
        self._incoming.write(data)
        return bool(data)
