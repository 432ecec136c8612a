"""Which version is checked out, as git tells."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_WITHIN_S = 20.0
_SHORTEST = 7
"""Characters of a commit's name that still identify it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A working tree."""

    commit: str = ""
    tags: frozenset[str] = frozenset()
    changed: str = ""
    """The first file that differs from the commit."""
    trouble: str = ""
    """Why nothing can be told of it."""

    def why_not(self, version: str) -> str:
        """Why this is not that version; empty when it is."""
        if self.trouble:
            return self.trouble
        short = len(version) >= _SHORTEST and self.commit.startswith(version)
        if not short and version not in self.tags:
            tagged = f" (tagged {', '.join(sorted(self.tags))})" if self.tags else ""
            return f"{self.commit[:12]}{tagged} is checked out"
        return f"{self.changed} differs from what was committed" if self.changed else ""


def read_checkout(directory: Path, *, but: Path) -> Checkout:
    """What is checked out around a directory; changes below `but`, the ledger, are no matter."""
    git = shutil.which("git")
    if git is None:
        return Checkout(trouble="there is no git here, so nobody can tell which version is checked out")

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(
                [git, *words], cwd=directory, capture_output=True, text=True, timeout=_WITHIN_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    top, commit = ask("rev-parse", "--show-toplevel"), ask("rev-parse", "HEAD")
    tags = ask("tag", "--points-at", "HEAD")
    changed = ask("diff", "--name-only", "-z", "HEAD")
    if top is None or commit is None or tags is None or changed is None:
        return Checkout(trouble=f"{directory} is no git checkout, so nobody can tell which version is checked out")
    root = Path(top.strip())
    files = [name for name in changed.split("\0") if name and not (root / name).is_relative_to(but.resolve())]
    return Checkout(commit=commit.strip(), tags=frozenset(tags.split()), changed=files[0] if files else "")
