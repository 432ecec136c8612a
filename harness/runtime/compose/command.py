"""The compose program that is here: Docker's plugin, or the older docker-compose."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from harness.declare.yaml import parse_yaml
from harness.errors import DeclarationError, DeployError, Place, Problem, ProvisionError
from harness.model.process import ProcessSpec, Spawner
from harness.runtime.logs import last_lines

CANDIDATES = (("docker", "compose"), ("docker-compose",))
VERSION_WITHIN_S = 60.0
CONFIG_WITHIN_S = 60.0
UP_WITHIN_S = 600.0
OUTPUT_LIMIT = 16 << 20
TOO_LATE, NOT_FOUND = 124, 127
"""Codes, as of a shell."""
NONE_HERE = (
    "expected Docker Compose, found neither `docker compose` nor `docker-compose`; "
    "install one (Debian: apt-get install docker-compose, or docker-compose-v2)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose:
    """The program, and what it is told each time. Made by `find`."""

    program: tuple[str, ...]
    version: str
    project: str
    home: Path
    """The directory that the project's relative paths start from."""
    environ: Mapping[str, str]

    async def config(self, file: Path) -> dict[str, JsonValue]:
        """The project as compose understands it: variables filled in, files joined.

        Raises:
            DeclarationError: with what compose has to say against it.
        """
        told = (*self.program, "-f", str(file), "--project-directory", str(self.home), "config")
        code, said, why = await _ask(told, self.environ, CONFIG_WITHIN_S)
        if code:
            message = f"compose can't use it: {_tail(why or said)}"
            raise DeclarationError([Problem(place=Place(file=str(file)), message=message)])
        content = parse_yaml(said, file=f"{file}, as compose resolves it").content
        return content if isinstance(content, dict) else {}

    async def run(self, file: Path, what: Sequence[str], *, spawner: Spawner, log: Path) -> None:
        """Let it do something with a file; it ends when the harness does.

        Raises:
            DeployError: with its last lines, when it fails.
        """
        options = ("-p", self.project, "-f", str(file), "--project-directory", str(self.home))
        spec = ProcessSpec(
            name=f"compose {what[0]}", command=(*self.program, *options, *what), log=str(log), env=self.environ
        )
        process = await spawner.spawn(spec)
        try:
            async with asyncio.timeout(UP_WITHIN_S):
                code = await process.wait()
        except TimeoutError as error:
            await process.stop()
            message = f"`compose {' '.join(what)}` did not end within {UP_WITHIN_S:g} s; last lines of {log}:\n"
            raise DeployError(message + last_lines(log)) from error
        if code:
            raise DeployError(f"`compose {' '.join(what)}` failed; last lines of {log}:\n{last_lines(log)}")


async def find(project: str, home: Path, environ: Mapping[str, str] = os.environ) -> Compose:
    """The first program of `CANDIDATES` that answers.

    Raises:
        ProvisionError: if there is none.
        DeployError: if it does not answer in time.
    """
    for program in CANDIDATES:
        code, said, why = await _ask((*program, "version", "--short"), environ, VERSION_WITHIN_S)
        if code == TOO_LATE:
            raise DeployError(f"{why}: the machine is too busy, or the program hangs")
        if not code and said.strip():
            return Compose(program=program, version=said.strip(), project=project, home=home, environ=dict(environ))
    raise ProvisionError(NONE_HERE)


async def _ask(command: Sequence[str], environ: Mapping[str, str], within_s: float) -> tuple[int, str, str]:
    """What a command ends with, and says on both streams; 127 when there is no such program."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError:
        return NOT_FOUND, "", ""
    try:
        async with asyncio.timeout(within_s):
            said, why = await process.communicate()
    except TimeoutError:
        return TOO_LATE, "", f"{' '.join(command)} did not end within {within_s:g} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, said[:OUTPUT_LIMIT].decode(errors="replace"), why.decode(errors="replace")


def _tail(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-3:])[:600] or "it does not say why"
