"""The colours of the HTML report, light and dark, with the pairs that must stay readable."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#f6f7f9",
    "card": "#ffffff",
    "sunken": "#f1f3f6",
    "ink": "#171b21",
    "soft": "#535c69",
    "line": "#d8dde4",
    "strong-line": "#858f9c",
    "link": "#0a56b8",
    "pass": "#14683a",
    "pass-wash": "#e9f5ee",
    "unknown": "#a3195b",
    "unknown-wash": "#fdeef5",
    "fail": "#b42318",
    "fail-wash": "#fdeeec",
    "on-fail": "#ffffff",
    "p50": "#0a56b8",
    "p99": "#a14b00",
    "degraded": "#a86f00",
    "failed": "#c92a1f",
    "lost": "#a3195b",
    "all": "#6b7480",
    "good": "#1a7a46",
    "fault": "#e9e4da",
    "fault-ink": "#5d5340",
    "well": "#14683a",
}

DARK: Mapping[str, str] = {
    "page": "#0f1216",
    "card": "#171b21",
    "sunken": "#1f242c",
    "ink": "#e8ebef",
    "soft": "#a4adb9",
    "line": "#2f3640",
    "strong-line": "#737e8c",
    "link": "#7db4ff",
    "pass": "#62cf91",
    "pass-wash": "#13291d",
    "unknown": "#ff8dbd",
    "unknown-wash": "#331524",
    "fail": "#ff8f85",
    "fail-wash": "#371815",
    "on-fail": "#2a0906",
    "p50": "#7db4ff",
    "p99": "#ffae66",
    "degraded": "#dba53a",
    "failed": "#ff6f62",
    "lost": "#ff8dbd",
    "all": "#8e98a5",
    "good": "#62cf91",
    "fault": "#2f2b22",
    "fault-ink": "#d5c9af",
    "well": "#62cf91",
}

TEXT_RATIO = 4.5
SHAPE_RATIO = 3.0

CONTRASTS: tuple[tuple[str, str, float], ...] = (
    *((text, ground, TEXT_RATIO) for text in ("ink", "soft", "link") for ground in ("page", "card", "sunken")),
    *((verdict, ground, TEXT_RATIO) for verdict in ("pass", "unknown", "fail") for ground in ("page", "card")),
    *((verdict, f"{verdict}-wash", TEXT_RATIO) for verdict in ("pass", "unknown", "fail")),
    *(("ink", f"{verdict}-wash", TEXT_RATIO) for verdict in ("pass", "unknown", "fail")),
    *(("soft", f"{verdict}-wash", TEXT_RATIO) for verdict in ("pass", "unknown", "fail")),
    ("on-fail", "fail", TEXT_RATIO),
    ("fault-ink", "fault", TEXT_RATIO),
    ("soft", "fault", TEXT_RATIO),
    *((shape, "card", SHAPE_RATIO) for shape in ("p50", "p99", "degraded", "failed", "lost", "all", "good", "well")),
    *((shape, "fault", SHAPE_RATIO) for shape in ("p50", "p99", "degraded", "failed", "lost", "all", "good", "well")),
    ("strong-line", "card", SHAPE_RATIO),
)
"""Foreground, background, and the least contrast (WCAG 2.2 AA) that they must have in both schemes."""

_LINEAR_BELOW = 0.04045


def contrast(first: str, second: str) -> float:
    """The WCAG contrast ratio of two colours `#rrggbb`, from 1 to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (
        channel / 12.92 if channel <= _LINEAR_BELOW else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def variables(colours: Mapping[str, str]) -> str:
    """The colours as CSS custom properties."""
    return "".join(f"--{name}:{value};" for name, value in colours.items())
