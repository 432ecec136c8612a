"""Telling people of runs and game days: one file a way."""

from __future__ import annotations

from harness.notify.notifier import Notifier

__all__ = ["Notifier"]
