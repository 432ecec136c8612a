"""A harness in a process of its own that brings the project up, tells, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.runtime.compose.composed import Heard, composed


async def main(description: Path, directory: Path) -> None:
    async with composed(description, directory, Heard()):
        sys.stdout.write("up\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
