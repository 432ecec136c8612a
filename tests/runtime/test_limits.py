from __future__ import annotations

import subprocess
import sys

import pytest

TELLS = """
import resource, sys
from harness.runtime.limits import allow_open_files
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
told = allow_open_files(wanted)
inherited = resource.getrlimit(resource.RLIMIT_NOFILE)
assert inherited == (told, hard), inherited
print(told)
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "expected"),
    [(256, 1000, 500, 500), (256, 400, 500, 400), (900, 1000, 500, 900)],
)
def test_the_limit_is_raised_as_far_as_it_may_and_never_lowered(
    soft: int, hard: int, wanted: int, expected: int
) -> None:
    command = (sys.executable, "-c", TELLS, str(soft), str(hard), str(wanted))
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert told.stdout.strip() == str(expected), told.stderr
