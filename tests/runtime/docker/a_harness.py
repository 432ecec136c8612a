"""A harness in a process of its own that deploys to Docker, tells when all is up, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from harness.clock import SystemClock
from harness.runtime.docker.deployment import deploy
from harness.runtime.docker.image import Recipe
from tests.runtime.docker.systems import STORES, a_system


async def main(directory: Path, recipe: Recipe) -> None:
    clock = SystemClock()
    await deploy(
        a_system(recipe.code, stores={"bus": STORES["bus"]}),
        directory=directory,
        clock=clock,
        run_began=clock.now(),
        progress=lambda _line: None,
        on_event=lambda _event: None,
        recipe=recipe,
    )
    sys.stdout.write("up\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    where, dockerfile, code, lock = map(Path, sys.argv[1:])
    asyncio.run(main(where, Recipe(dockerfile=dockerfile, code=code, lock=lock)))
