"""The image of the proxies: this machine's own Python and Toxiproxy, with the libraries they need, and nothing else.

It is made of files that are here, so nothing is pulled, and what runs in it is what runs everywhere else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from docker.errors import APIError, ImageNotFound

from harness.errors import ProvisionError
from harness.runtime.docker.engine import connect, explained
from harness.runtime.supervisor_client import PACKAGE_ROOT

REPOSITORY = "harness/proxies"
TOXIPROXY = "/opt/toxiproxy-server"
CODE = "/opt/code"
KEPT = 3
"""Images; older ones go when a new one is made."""
LDD_WITHIN_S = 20.0
_LEFT_OUT = {
    "test", "tests", "site-packages", "dist-packages", "idlelib", "tkinter", "lib2to3", "ensurepip",
    "turtledemo", "pydoc_data", "distutils", "lib-dynload",
}  # fmt: skip
_NEEDED = re.compile(r"(?:=> )?(/\S+) \(0x")
_SYSTEM = re.compile(r"/(?:ld-linux[^/]*|ld-musl[^/]*|libc|libm|libdl|libpthread|librt|libutil|libpython[^/]*)\.so")
_OF_HARNESS = ("__init__.py", "clock.py", "errors.py", "proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyImage:
    """An image that is there."""

    tag: str
    python: str


def make(toxiproxy: Path) -> ProxyImage:
    """The image for this Python and that Toxiproxy: the one that is there, else made now. Blocks.

    Raises:
        ProvisionError: if a library that they need is not found.
        DeployError: if there is no engine, or it refuses the image.
    """
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    files = dict(sorted(_files(python, toxiproxy)))
    tag = _digest(files)
    with closing(connect()) as api, explained("making the image of the proxies"):
        try:
            api.inspect_image(f"{REPOSITORY}:{tag}")  # type: ignore[no-untyped-call]  # the stubs lack its types
        except ImageNotFound:
            changes = [f"ENV PYTHONHOME={sys.base_prefix} PYTHONPATH={CODE} PYTHONDONTWRITEBYTECODE=1"]
            with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
                _pack(files, Path(archive.name))
                api.import_image_from_file(archive.name, repository=REPOSITORY, tag=tag, changes=changes)
            old = sorted(api.images(name=REPOSITORY), key=lambda each: int(each["Created"]), reverse=True)
            for image in old[KEPT:]:
                try:
                    api.remove_image(image["Id"])
                except APIError:  # in use
                    continue
    return ProxyImage(tag=f"{REPOSITORY}:{tag}", python=python)


def _files(python: str, toxiproxy: Path) -> Iterator[tuple[str, Path]]:
    """All files of the image by their paths in it."""
    yield python, Path(python)
    yield TOXIPROXY, toxiproxy
    for library in _libraries([python, str(toxiproxy)]):
        yield library, Path(library)
    stdlib = Path(sysconfig.get_path("stdlib"))
    for path in sorted(stdlib.rglob("*.py")):
        parts = path.relative_to(stdlib).parts
        if not _LEFT_OUT.intersection(parts) and not parts[0].startswith("config-"):
            yield from _compiled(str(path), path)
    for path in sorted((stdlib / "lib-dynload").glob("*.so")):
        if all(_SYSTEM.search(library) for library in _libraries([str(path)])):
            yield str(path), path
    package = Path(PACKAGE_ROOT) / "harness"
    for name in _OF_HARNESS:
        whole = package / name
        for path in [whole] if whole.is_file() else sorted(whole.glob("*.py")):
            yield from _compiled(f"{CODE}/harness/{path.relative_to(package)}", path)


def _compiled(name: str, source: Path) -> Iterator[tuple[str, Path]]:
    """A module, with its compiled form where there is one: without, it starts a second later."""
    yield name, source
    compiled = Path(cache_from_source(str(source)))
    if compiled.is_file():
        yield str(Path(name).parent / "__pycache__" / compiled.name), compiled


def _libraries(programs: Iterable[str]) -> list[str]:
    """What is loaded with programs; nothing for those that are static."""
    found: dict[str, None] = {}
    ldd = shutil.which("ldd")
    if ldd is None:
        raise ProvisionError("expected `ldd`, which tells the libraries of a program, found none; install libc-bin")
    for program in programs:
        try:
            done = subprocess.run(
                [ldd, program], capture_output=True, text=True, timeout=LDD_WITHIN_S, check=False, env={"LC_ALL": "C"}
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProvisionError(f"expected `ldd` to tell the libraries of {program}: {error}") from error
        if "not found" in done.stdout:
            raise ProvisionError(f"{program} lacks a library: {done.stdout.strip()}")
        found |= dict.fromkeys(_NEEDED.findall(done.stdout))
    return list(found)


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        if path.suffix == ".pyc":  # it may be made anew, and then differs
            continue
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _pack(files: dict[str, Path], archive: Path) -> None:
    with tarfile.open(archive, mode="w", dereference=True) as packed:
        for name, path in files.items():
            member = packed.gettarinfo(path.resolve(), arcname=name.lstrip("/"))
            member.uid = member.gid = 0
            member.mode |= 0o444
            with path.open("rb") as file:
                packed.addfile(member, file)
        for name in ("tmp", "run"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
            packed.addfile(directory)
