from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ProvisionError
from harness.runtime.docker.wheels import applicable, requirements, wheelhouse

LOCK = """
[[package]]
name = "project"
source = { editable = "." }
dependencies = [{ name = "only-the-harness" }]
[package.dev-dependencies]
web = [{ name = "server", extra = ["fast"] }]
tests = [{ name = "checker" }]

[[package]]
name = "server"
source = { registry = "x" }
dependencies = [{ name = "core" }]
[package.optional-dependencies]
fast = [{ name = "loop" }]
slow = [{ name = "snail" }]

[[package]]
name = "core"
source = { registry = "x" }
dependencies = [{ name = "server" }]

[[package]]
name = "loop"
source = { registry = "x" }
[[package]]
name = "snail"
source = { registry = "x" }
[[package]]
name = "checker"
source = { registry = "x" }
[[package]]
name = "only-the-harness"
source = { registry = "x" }
"""
NAMES = ("checker", "core", "loop", "only-the-harness", "server", "snail")
EXPORT = "# made by a tool\n" + "".join(
    f"{name}==1 \\\n    --hash=sha256:{number}\n    # via project\n" for number, name in enumerate(NAMES)
)


@pytest.fixture
def lock(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "uv.lock").write_text(LOCK)
    (tmp_path / "requirements-lock.txt").write_text(EXPORT)
    return tmp_path / "uv.lock", tmp_path / "requirements-lock.txt"


def named(text: str) -> list[str]:
    return [line.partition("==")[0] for line in text.splitlines() if "==" in line]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["web"], ["core", "loop", "server"]),
        (["server"], ["core", "server"]),
        (["web", "only-the-harness"], ["core", "loop", "only-the-harness", "server"]),
        ([], []),
    ],
)
def test_of_the_lock_only_what_is_wanted_is_taken_with_all_that_it_needs(
    lock: tuple[Path, Path], wanted: list[str], found: list[str]
) -> None:
    text = requirements(*lock, wanted)

    assert named(text) == found
    assert text.count("--hash=") == len(found)


def test_a_library_that_the_lock_does_not_know_is_refused(lock: tuple[Path, Path]) -> None:
    with pytest.raises(ProvisionError, match="found 'nobody'"):
        requirements(*lock, ["nobody"])


def test_without_a_lock_it_says_what_to_call(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="make lock"):
        requirements(tmp_path / "uv.lock", tmp_path / "requirements-lock.txt", [])


def test_conditions_are_judged_for_the_images_python_and_not_for_ours() -> None:
    needed = (
        "always==1 \\\n    --hash=sha256:1\n"
        "old==1 ; python_full_version < '3.11.3' \\\n    --hash=sha256:2\n"
        "new==1 ; python_version >= '3.12' \\\n    --hash=sha256:3\n"
    )

    assert applicable(needed, "3.11.2") == "always==1 \\\n    --hash=sha256:1\nold==1 \\\n    --hash=sha256:2\n"
    assert named(applicable(needed, "3.12.0")) == ["always", "new"]


def test_wheels_that_pip_cannot_fetch_are_told_and_nothing_is_kept(tmp_path: Path) -> None:
    needed = "harness==0 \\\n    --hash=sha256:0\n"

    with pytest.raises(ProvisionError, match="could not fetch the image's libraries"):
        wheelhouse(needed, "3.11.2", tmp_path)
    assert list(tmp_path.iterdir()) == []
