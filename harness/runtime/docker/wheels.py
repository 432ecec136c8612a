"""The libraries of an image: chosen from the lock, and fetched as wheels on the host: a build needs no network."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import Marker

from harness.errors import ProvisionError

FETCHED_WITHIN_S = 600.0
NEWEST_GLIBC = 36
"""Of the base image, 2.36 or newer (Debian 12)."""
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")

Package = Mapping[str, Any]


def requirements(lock: Path, export: Path, wanted: Iterable[str]) -> str:
    """The part of a hashed export that some libraries need, with all that they need in turn.

    Args:
        lock: uv.lock.
        export: the same for pip, with hashes.
        wanted: names of the project's groups, or of packages.

    Raises:
        ProvisionError: if the lock can't be read, or knows nothing of a name.
    """
    try:
        packages: dict[str, Package] = {each["name"]: each for each in tomllib.loads(lock.read_text())["package"]}
        entries = _ENTRY.split(export.read_text())[1:]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise ProvisionError(
            f"expected a lock in {lock} and its export in {export}: {error}; call `make lock`"
        ) from error
    groups: dict[str, list[Package]] = {}
    for each in packages.values():
        if {"editable", "virtual"} & set(each["source"]):
            groups |= each.get("dev-dependencies", {})
    names = _needed(packages, [edge for name in wanted for edge in groups.get(name, [{"name": name}])])
    return "".join(entry for entry in entries if _name(entry) in names)


def wheelhouse(needed: str, python: str, cache: Path) -> Path:
    """A directory with the wheels of some requirements, fetched once.

    Args:
        needed: requirements with hashes.
        python: the version that they are for: `3.11.2`.
        cache: where it is kept for all runs.

    Raises:
        ProvisionError: if pip can't fetch them.
    """
    machine = platform.machine()
    digest = hashlib.sha256(f"{needed}\0{python}\0{machine}".encode()).hexdigest()[:16]
    kept = cache / f"wheels-{digest}"
    if kept.exists():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=cache) as name:
        room = Path(name)
        (room / "requirements.txt").write_text(applicable(needed, python))
        fresh = room / "wheels"
        options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        minor = python.rpartition(".")[0]
        options += ["--only-binary=:all:", "--python-version", minor, "--dest", str(fresh)]
        options += [f"--platform={each}" for each in _platforms(machine)]
        _run([_pip(room), "-m", "pip", "download", *options, "-r", str(room / "requirements.txt")])
        try:
            fresh.rename(kept)
        except OSError:  # another process was faster
            if not kept.exists():
                raise
    return kept


def applicable(needed: str, python: str) -> str:
    """The requirements that apply to a version of Python, without their conditions, which pip judges by its own."""
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    kept = []
    for entry in _ENTRY.split(needed)[1:]:
        head, _, hashes = entry.partition("\n")
        requirement, _, condition = head.rstrip("\\ ").partition(";")
        if not condition.strip() or Marker(condition).evaluate(environment):
            kept.append(f"{requirement.strip()} \\\n{hashes}")
    return "".join(kept)


def _needed(packages: Mapping[str, Package], edges: Iterable[Package]) -> set[str]:
    names: set[str] = set()
    seen: set[tuple[str, tuple[str, ...]]] = set()
    left = list(edges)
    while left:
        edge = left.pop()
        name, extras = edge["name"], tuple(edge.get("extra", ()))
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name not in packages:
            raise ProvisionError(f"expected LIBRARIES to name groups or packages of the lock, found {name!r}")
        package = packages[name]
        names.add(name)
        left += package.get("dependencies", ())
        for extra in extras:
            left += package.get("optional-dependencies", {}).get(extra, ())
    return names


def _name(entry: str) -> str:
    found = _NAME.match(entry)
    return found[0] if found else ""


def _platforms(machine: str) -> list[str]:
    """The tags of wheels that a glibc of the base image's age can load."""
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(5, NEWEST_GLIBC + 1)]
    return [*tags, *(f"manylinux{old}_{machine}" for old in ("1", "2010", "2014")), f"linux_{machine}"]


def _pip(room: Path) -> str:
    """A Python that has pip: an environment of uv's has none."""
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    _run([sys.executable, "-m", "venv", str(room / "venv")])
    return str(room / "venv" / "bin" / "python")


def _run(command: list[str]) -> None:
    what = " ".join(["python", *command[1:4]])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCHED_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProvisionError(f"{what} for the image's libraries: {error}") from error
    if done.returncode != 0:
        last = "\n".join(f"  {line}" for line in (done.stderr or done.stdout).strip().splitlines()[-5:])
        raise ProvisionError(f"{what} could not fetch the image's libraries as wheels:\n{last}")
