"""What some tests need beyond Python: where it is missing they are skipped, except in CI, which has all of it."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


def missing(why: str) -> NoReturn:
    """Skip the test; in CI fail it."""
    if IN_CI:
        pytest.fail(f"CI must have all that is tested: {why}")
    pytest.skip(why)


def program(name: str, package: str) -> str:
    """The path of a program of that Debian package."""
    return shutil.which(name) or missing(f"{name} is not here: apt-get install {package}")
