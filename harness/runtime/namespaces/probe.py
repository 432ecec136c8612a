"""Whether this machine makes namespaces for who we are."""

from __future__ import annotations

import subprocess
import sys

from harness.runtime.supervisor_client import PACKAGE_ROOT, base_environment

WITHIN_S = 30.0


def lacking() -> str:
    """Why a system can't run in namespaces here, and the way out; empty when it can. Takes a fifth of a second."""
    try:
        done = subprocess.run(
            (sys.executable, "-P", "-m", "harness.runtime.namespaces.keeper", "--probe"),
            env=base_environment() | {"PYTHONPATH": PACKAGE_ROOT},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"expected to make network namespaces within {WITHIN_S:g} s, found that the kernel did not"
    if done.returncode == 0:
        return ""
    return done.stderr.strip() or f"the probe of namespaces ended with code {done.returncode}"
