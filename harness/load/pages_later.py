"""Locust's web pages, and the Flask that they are made of, are imported when somebody wants them.

Locust imports them in any case, which is a quarter of what importing it takes; a generator seldom shows them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

NAME = "locust.web"


class _Later(ModuleType):
    """Stands for the module until something of it is used."""

    def __getattr__(self, name: str) -> Any:
        """Of the module itself, which takes this one's place."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_itself(), name)

    def WebUI(self, *arguments: Any, **named: Any) -> Any:  # noqa: N802 -- Locust's name
        """What `locust.env` takes from it when that is imported."""
        return _itself().WebUI(*arguments, **named)


def put_off() -> None:
    """Import Locust without them, unless it has been imported."""
    if "locust" in sys.modules:
        return
    sys.modules[NAME] = later = _Later(NAME)
    locust = import_module("locust")
    locust.web = later  # type: ignore[attr-defined]  # as an import would


def _itself() -> ModuleType:
    if isinstance(sys.modules[NAME], _Later):
        del sys.modules[NAME]
        import_module("locust.env").WebUI = import_module(NAME).WebUI  # type: ignore[attr-defined]  # as it would be
    return sys.modules[NAME]
