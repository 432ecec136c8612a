"""The instances of the shop as the registry judges them, and this instance's own entry there."""

from __future__ import annotations

from collections.abc import Mapping

from kit.choice import Place
from kit.flags import Flags
from kit.settings import Settings


class Directory:
    """What was last heard from the registry; while it is away that is still better than nothing."""

    def __init__(self, settings: Settings, flags: Flags) -> None:
        self._settings = settings
        self._flags = flags
        self._places: dict[str, dict[str, Place]] = {}

    def places(self, provider: str) -> Mapping[str, Place]:
        """What is known of the provider's instances."""
        return self._places.get(provider, {})
