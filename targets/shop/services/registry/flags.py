"""The flags that there are, and what they are until somebody sets them."""

from __future__ import annotations

from collections.abc import Mapping

from kit.trouble import not_found

from registry.models import FlagValue

CATEGORIES = ("lighting", "kitchen", "furniture", "audio", "clocks", "storage", "mirrors")
DEFAULTS: Mapping[str, FlagValue] = {
    "pricing-canary": 0.1,
    "legacy-shadow": 0.0,
    **{f"pricing-experiment-{category}": False for category in CATEGORIES},
}


def known(name: str) -> str:
    """The name, or Refused 404: what nobody asks for can't be set."""
    if name not in DEFAULTS:
        raise not_found(f"flag {name}")
    return name
