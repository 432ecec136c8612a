"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more of the machine than of the code; speed belongs into benchmarks.
settings.register_profile("ours", parent=settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("ours")
