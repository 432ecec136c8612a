"""`harness breaking`: what a change breaks, and for whom."""

from __future__ import annotations

import click


@click.command()
def breaking() -> None:
    """Which living consumers a change breaks."""
