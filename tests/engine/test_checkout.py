from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.engine.checkout import Checkout, read_checkout

GIT = shutil.which("git") or ""
pytestmark = pytest.mark.skipif(not GIT, reason="needs git")


def git(directory: Path, *words: str) -> str:
    done = subprocess.run(
        [GIT, "-c", "user.name=t", "-c", "user.email=t@t", *words],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("1")
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "entry.json").write_text("{}")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "1")
    git(tmp_path, "tag", "1.4")
    return tmp_path


def test_a_version_is_a_commit_the_beginning_of_one_or_a_tag(tree: Path) -> None:
    checkout = read_checkout(tree, but=tree / "ledger")

    for version in (checkout.commit, checkout.commit[:7], "1.4"):
        assert checkout.why_not(version) == ""
    for version in ("1.5", checkout.commit[:3], "", "HEAD"):
        assert checkout.why_not(version) == f"{checkout.commit[:12]} (tagged 1.4) is checked out"


def test_what_was_changed_is_no_version(tree: Path) -> None:
    (tree / "app.py").write_text("2")

    assert read_checkout(tree, but=tree / "ledger").why_not("1.4") == "app.py differs from what was committed"


def test_changes_of_the_ledger_are_no_matter(tree: Path) -> None:
    (tree / "ledger" / "entry.json").write_text("[]")

    assert read_checkout(tree, but=tree / "ledger").why_not("1.4") == ""
    assert read_checkout(tree, but=tree / "other").why_not("1.4") != ""


def test_below_the_top_changes_above_count(tree: Path) -> None:
    (tree / "below").mkdir()
    (tree / "app.py").write_text("2")

    assert "app.py differs" in read_checkout(tree / "below", but=tree / "ledger").why_not("1.4")


def test_without_a_checkout_nobody_can_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert "is no git checkout" in read_checkout(tmp_path, but=tmp_path).why_not("1.4")
    assert Checkout(trouble="no git").why_not("1") == "no git"
