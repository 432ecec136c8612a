"""Set-up from a fresh clone: `scripts/bootstrap` with made-up interpreters, and the lock with its export."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

PYTHON = """#!/bin/sh
echo "$0 $*" >>"$CALLS"
case "$*" in
    *version_info*) exit 0 ;;
    *ensurepip*) exit 0 ;;
    --version) echo 'Python 3.12.9' ;;
    '-m venv --clear .venv') mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *'install --progress-bar'*) echo 'Collecting click==8.5.1' ;;
    *'--editable .'*) cp "$0" .venv/bin/harness ;;
esac
"""
"""A Python that is new enough and installs nothing; it writes down how it was called."""

UV = """#!/bin/sh
echo "$0 $*" >>"$CALLS"
case "$1" in
    --version) echo 'uv 0' ;;
    sync) mkdir -p .venv/bin && cp "$PYTHON_STUB" .venv/bin/python && cp "$PYTHON_STUB" .venv/bin/harness ;;
esac
"""


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A checkout with nothing in it but what set-up reads, on a machine with only the programs given."""

    root: Path
    programs: Path

    @property
    def calls(self) -> list[str]:
        """How the made-up programs were called, each without its directory."""
        log = self.root / "calls"
        return [line.partition("/bin/")[2] for line in log.read_text().splitlines()] if log.exists() else []

    def program(self, name: str, text: str = PYTHON) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def set_up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "scripts" / "bootstrap"],
            env={
                "PATH": f"{self.programs}:{self.root / 'tools'}",
                "CALLS": str(self.root / "calls"),
                "PYTHON_STUB": str(self.root / "stub"),
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    root = tmp_path / "clone"
    (root / "scripts").mkdir(parents=True)
    for name in ("scripts/bootstrap", "pyproject.toml", "uv.lock", "requirements-lock.txt"):
        shutil.copy(ROOT / name, root / name)
    (root / "stub").write_text(PYTHON)
    (root / "stub").chmod(0o755)
    tools = root / "tools"
    tools.mkdir()
    for name in ("awk", "cat", "cksum", "cp", "dirname", "grep", "head", "mkdir", "sh", "tail"):
        (tools / name).symlink_to(str(shutil.which(name)))
    programs = tmp_path / "machine" / "bin"
    programs.mkdir(parents=True)
    return Clone(root=root, programs=programs)


def test_pip_gets_the_hashed_export_and_builds_nothing_with_unknown_packages(clone: Clone) -> None:
    clone.program("python3.12")

    made = clone.set_up()

    assert (made.returncode, made.stderr) == (0, "")
    installs = [call for call in clone.calls if " install " in call]
    assert ["--require-hashes" in installs[0], "--no-build-isolation --no-index" in installs[1]] == [True, True]
    assert "setup: .venv is ready: Python 3.12.9" in made.stdout


def test_uv_is_used_when_it_is_there(clone: Clone) -> None:
    clone.program("python3.12")
    clone.program("uv", UV)

    made = clone.set_up()

    assert (made.returncode, made.stderr) == (0, "")
    assert [call for call in clone.calls if call.startswith("uv sync --locked --python ")] != []
    assert [call for call in clone.calls if " install " in call] == []


def test_uv_can_be_declined(clone: Clone) -> None:
    clone.program("python3.12")
    clone.program("uv", UV)

    clone.set_up(HARNESS_NO_UV="1")

    assert [call for call in clone.calls if call.startswith("uv")] == []


def test_an_environment_that_fits_is_left_alone(clone: Clone) -> None:
    clone.program("python3.12")
    clone.set_up()
    before = clone.calls

    again = clone.set_up()

    assert (again.returncode, again.stdout) == (0, "")
    assert [call for call in clone.calls[len(before) :] if "--version" not in call] == []


@pytest.mark.parametrize("changed", ["pyproject.toml", "uv.lock", "requirements-lock.txt"])
def test_an_environment_is_made_anew_when_what_it_is_made_from_has_changed(clone: Clone, changed: str) -> None:
    clone.program("python3.12")
    clone.set_up()
    with (clone.root / changed).open("a") as file:
        file.write("# one more line\n")

    again = clone.set_up()

    assert "making .venv" in again.stdout
    assert len([call for call in clone.calls if "-m venv --clear" in call]) == 2


def test_a_shim_that_does_not_start_is_passed_over(clone: Clone) -> None:
    clone.program("python3.13", "#!/bin/sh\necho 'not installed' >&2\nexit 127\n")
    clone.program("python3.11")

    made = clone.set_up()

    assert made.returncode == 0
    assert "python3.11" in made.stdout


def test_without_a_python_that_is_new_enough_it_says_what_to_install(clone: Clone) -> None:
    clone.program("python3", "#!/bin/sh\nexit 1\n")

    refused = clone.set_up()

    assert refused.returncode == 2
    assert "expected Python >= 3.11" in refused.stderr
    assert "apt-get install python3 python3-venv" in refused.stderr
    assert not (clone.root / ".venv").exists()


def test_without_venv_it_says_what_to_install(clone: Clone) -> None:
    clone.program("python3", PYTHON.replace("*ensurepip*) exit 0", "*ensurepip*) exit 1"))

    refused = clone.set_up()

    assert refused.returncode == 2
    assert "apt-get install python3-venv" in refused.stderr


def test_a_failing_pip_is_told_with_its_last_lines_and_tried_again_next_time(clone: Clone) -> None:
    clone.program("python3", PYTHON.replace("echo 'Collecting click==8.5.1'", "echo 'no such hash' && exit 1"))

    refused = clone.set_up()
    clone.program("python3")
    again = clone.set_up()

    assert refused.returncode == 2
    assert "no such hash" in refused.stderr
    assert "could not install" in refused.stderr
    assert again.returncode == 0


def set_up_by(lock: dict[str, Any]) -> set[str]:
    """The names that the project needs, with all its groups; what only an extra of it needs is not among them."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in lock["package"]:
        packages.setdefault(package["name"], []).append(package)
    (project,) = packages["harness"]
    wanted = [*project["dependencies"], *(each for group in project["dev-dependencies"].values() for each in group)]
    names: set[str] = set()
    seen: set[tuple[str, str]] = set()
    while wanted:
        need = wanted.pop()
        for extra in ("", *need.get("extra", ())):
            if (need["name"], extra) in seen:
                continue
            seen.add((need["name"], extra))
            names.add(need["name"])
            for package in packages[need["name"]]:
                optional = package.get("optional-dependencies", {}).get(extra, [])
                wanted += optional if extra else package.get("dependencies", [])
    return names


def locked() -> dict[str, set[str]]:
    """Every package of uv.lock that set-up needs, as `name==version`, with its hashes."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    needed = set_up_by(lock)
    return {
        f"{package['name']}=={package['version']}": {
            file["hash"] for file in (*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ()))
        }
        for package in lock["package"]
        if "registry" in package["source"] and package["name"] in needed
    }


def exported(text: str) -> dict[str, set[str]]:
    """The same, of an export for pip."""
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    return {entry.split()[0]: set(re.findall(r"--hash=(\S+)", entry)) for entry in entries}


def test_the_export_for_pip_names_what_uv_lock_names_with_the_same_hashes() -> None:
    assert exported((ROOT / "requirements-lock.txt").read_text()) == locked()


def test_only_what_an_extra_needs_is_left_to_who_wants_the_extra() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    left_out = {package["name"] for package in lock["package"]} - set_up_by(lock) - {"harness"}

    assert left_out == {"apprise", "markdown", "oauthlib", "requests-oauthlib"}


def test_an_export_that_lacks_a_hash_is_told_from_the_lock() -> None:
    text = (ROOT / "requirements-lock.txt").read_text()
    package, hashes = next(iter(locked().items()))
    shortened = text.replace(min(hashes), "sha256:0", 1)

    assert exported(shortened)[package] != hashes


def test_what_make_starts_keeps_its_bytecode_whatever_the_shell_says() -> None:
    asked = ["make", "--silent", "--eval", "told: ; @echo told $$PYTHONDONTWRITEBYTECODE", "told"]
    told = subprocess.run(
        asked, cwd=ROOT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["told"]


def test_the_commands_that_readme_names_are_made() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))

    assert {"run", "test"} <= targets
    assert named <= targets
