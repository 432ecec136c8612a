"""`harness doctor`: what the harness needs, what of it is here, and the line that mends the rest."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import click

OLDEST_PYTHON = (3, 11)
ANSWER_WITHIN_S = 10.0
"""How long a program may take to tell its version."""
WIDTH = 100
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_STORES = {
    "PostgreSQL": ("postgres", "HARNESS_POSTGRES_BIN", "a directory with initdb and postgres"),
    "Valkey": ("redis", "HARNESS_VALKEY", "a valkey-server or redis-server"),
    "NATS": ("nats", "HARNESS_NATS", "a nats-server"),
}

Environ = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A part that is here and works."""

    version: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A part that is not here, or does not work; `why` is a clause without a full stop."""

    why: str


Answer = Found | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that the harness uses; `needed` by `harness run`, else only told."""

    name: str
    needed: bool
    look: Callable[[Environ], Answer]
    mend: str
    """The line that mends it."""


def ask(program: Path | str, *arguments: str, environ: Environ, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """Start a program that tells its version; whatever goes wrong makes it Missing."""
    try:
        process = subprocess.Popen(
            [program, *arguments],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        return Missing(why=f"{program} can't be started: {error.strerror}")
    with process:
        try:
            said, _ = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Missing(why=f"{program} did not answer within {within_s:g} s")
    version = _VERSION.search(said)
    if process.returncode != 0 or version is None:
        last = (said.strip().splitlines() or ["nothing said"])[-1]
        return Missing(why=f"{program} ended with {process.returncode}: {last}")
    return Found(version=version[0], where=str(program))


def on_path(names: Iterable[str], *arguments: str) -> Callable[[Environ], Answer]:
    """Look for the first of some programs that is on the PATH, and ask it."""

    def look(environ: Environ) -> Answer:
        for name in names:
            if program := shutil.which(name, path=environ.get("PATH", "")):
                return ask(program, *arguments, environ=environ)
        return Missing(why=f"no {' or '.join(names)} on the PATH")

    return look


def _python(_environ: Environ) -> Answer:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Missing(why=f"expected 3.11 or newer, found {version} at {sys.executable}")
    return Found(version=version, where=sys.executable)


def _toxiproxy(environ: Environ) -> Answer:
    from harness.errors import ProvisionError
    from harness.proxy.provision import cache_directory, locate_toxiproxy

    try:
        tool = locate_toxiproxy(environ=environ, cache=cache_directory(environ))
    except ProvisionError as error:
        return Missing(why=str(error))
    if tool is None:
        return Missing(why="not in HARNESS_TOXIPROXY, not on the PATH, not in the cache")
    return Found(version=tool.version, where=f"{tool.path} ({tool.how})")


def _store(name: str) -> Callable[[Environ], Answer]:
    def look(environ: Environ) -> Answer:
        from harness.errors import ProvisionError
        from harness.runtime.stores import locate

        kind, *_ = _STORES[name]
        try:
            tool = locate(kind, environ=environ)
        except ProvisionError as error:
            return Missing(why=str(error))
        return Found(version=tool.version, where=f"{tool.path} ({tool.how})")

    return look


def parts() -> tuple[Part, ...]:
    """Everything that is looked for, in the order in which it is told."""
    stores = tuple(
        Part(
            name=name,
            needed=True,
            look=_store(name),
            mend=f"make setup (its wheel is in the lock), or {variable}={meaning}",
        )
        for name, (_, variable, meaning) in _STORES.items()
    )
    return (
        Part(name="Python", needed=True, look=_python, mend="apt-get install python3 python3-venv, then make setup"),
        Part(
            name="Toxiproxy",
            needed=True,
            look=_toxiproxy,
            mend="harness doctor --mend (or the first run gets it), or HARNESS_TOXIPROXY=a toxiproxy-server",
        ),
        *stores,
        Part(
            name="Docker",
            needed=False,
            look=on_path(("docker",), "version", "--format", "{{.Server.Version}}"),
            mend="apt-get install docker.io (and start it); only a last way to get Toxiproxy",
        ),
        Part(
            name="Chromium",
            needed=False,
            look=on_path(("chromium", "chromium-browser", "google-chrome"), "--version"),
            mend="apt-get install chromium; only for pictures of reports",
        ),
        Part(
            name="Node",
            needed=False,
            look=on_path(("node", "nodejs"), "--version"),
            mend="apt-get install nodejs; only for the allure command, reports need none",
        ),
    )


def examine(wanted: Iterable[Part], environ: Environ) -> list[tuple[Part, Answer]]:
    """Look for all parts at once; each look is bounded."""
    listed = list(wanted)
    with ThreadPoolExecutor(max_workers=len(listed)) as pool:
        return list(zip(listed, pool.map(lambda part: part.look(environ), listed), strict=True))


def table(answers: Iterable[tuple[Part, Answer]], *, width: int = WIDTH) -> str:
    """The answers as aligned plain text; what is missing is followed by the line that mends it."""
    listed = list(answers)
    versions = [answer.version for _, answer in listed if isinstance(answer, Found)]
    column = max(map(len, ["version", *versions])) + 2
    indent = " " * (20 + column)
    room = width - len(indent)
    lines = [f"{'part':<11}{'state':<9}{'version':<{column}}where"]
    for part, answer in listed:
        match answer:
            case Found(version=version, where=where):
                lines.append(f"{part.name:<11}{'found':<9}{version:<{column}}{_shortened(where, room)}")
            case Missing(why=why):
                need = "needed" if part.needed else "optional"
                first, *more = _wrapped(f"{need}; {why}", room) + _wrapped(f"mend: {part.mend}", room)
                lines.append(f"{part.name:<11}{'missing':<9}{'-':<{column}}{first}")
                lines += [indent + line for line in more]
            case _:
                assert_never(answer)
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _shortened(where: str, width: int) -> str:
    home = str(Path.home())
    short = "~" + where.removeprefix(home) if where.startswith(home + os.sep) else where
    return short if len(short) <= width else "…" + short[1 - width :]


def summary(answers: Iterable[tuple[Part, Answer]]) -> tuple[str, int]:
    """The last line, and the exit code: 2 when something is missing that `harness run` needs."""
    missing = [part for part, answer in answers if isinstance(answer, Missing)]
    needed = ", ".join(part.name for part in missing if part.needed)
    optional = ", ".join(part.name for part in missing if not part.needed)
    aside = f" (optional, missing: {optional})" if optional else ""
    if needed:
        return f"Missing for harness run: {needed}{aside}.", 2
    return f"All that harness run needs is here{aside}.", 0


@click.command("doctor")
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--mend", is_flag=True, help="Get Toxiproxy now, if it is missing, instead of at the first run.")
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON; goes with a SYSTEM.")
def doctor_command(system: Path | None, *, mend: bool, as_json: bool) -> None:
    """Tell what the harness needs, what is found, and what mends the rest.

    With a SYSTEM: what will and won't be possible on it, and why, before anything is started.
    """
    if system is not None:
        from harness.cli.doctor_system import examine_system

        sys.exit(examine_system(system, as_json=as_json))
    if as_json:
        message = "--json goes with a SYSTEM"
        raise click.UsageError(message)
    if mend:
        from harness.proxy.provision import cache_directory, find_toxiproxy

        find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=click.echo)
    answers = examine(parts(), os.environ)
    last, code = summary(answers)
    click.echo(f"{table(answers)}\n\n{last}")
    sys.exit(code)
