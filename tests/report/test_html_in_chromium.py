"""The page in a real browser: nobody is kept out, nothing runs over its edge, it prints, and the keyboard suffices."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.model.load_events import Observed
from harness.report import html
from tests.chromium import Tab, chromium
from tests.needs import missing, program
from tests.report import journals
from tests.report.test_html_sections import answers

pytestmark = [pytest.mark.loopback, pytest.mark.e2e]

AXE = "axe-core@4.14.1"
INSTALL_LIMIT_S = 120
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
BROKEN = (
    f"axe.run(document, {{runOnly: {RULES}}})"
    ".then((each) => each.violations.map((one) => one.id + ': ' + one.nodes[0].html.slice(0, 200)))"
)

PAPER = 695
"""The width of A4 between its margins, in CSS pixels."""
FOLDED = (
    "[...document.querySelectorAll('details:not([open])>.inside')]"
    ".filter((each) => !each.closest('#summary') && !each.checkVisibility()).length"
)
"""How much of the evidence is folded away; what the summary tells stands again below it."""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("axe")
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
    command = [program("npm", "npm"), "install", "--prefix", str(directory), *quiet, AXE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    if done.returncode:
        missing(f"npm gives no {AXE}: {done.stderr[-300:]}")
    return (directory / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    async with chromium(tmp_path_factory.mktemp("browser")) as found:
        yield found


async def test_the_page_is_for_everybody_on_wide_and_narrow_light_and_dark_screens_and_on_paper(
    tab: Tab, axe: str, tmp_path: Path
) -> None:
    seen = Observed(answers=tuple(answers(second, 0.002 * (second + 1), 0.3) for second in range(60)))
    path = html.write([*journals.failing(), seen], tmp_path)
    await tab.look_like(width=1280, dark=False)
    await tab.open(path.as_uri())
    await tab.press("Tab")
    assert await tab.value("document.activeElement.className") == "skip"
    await tab.value(f"{axe}; true")
    for width, dark in ((1280, False), (400, True)):
        await tab.look_like(width=width, dark=dark)
        assert await tab.value(BROKEN) == []
        assert await tab.value(f"document.documentElement.scrollWidth <= {width}")
    assert await tab.value(FOLDED) > 0
    night = {"name": "prefers-color-scheme", "value": "dark"}
    await tab.call("Emulation.setDeviceMetricsOverride", width=PAPER, height=900, deviceScaleFactor=1, mobile=False)
    await tab.call("Emulation.setEmulatedMedia", media="print", features=[night])
    assert await tab.value(FOLDED) == 0
    assert await tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert await tab.value("document.documentElement.scrollWidth") <= PAPER
    pdf = await tab.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
    assert base64.b64decode(pdf["data"]).startswith(b"%PDF")
    assert tab.errors == []


async def test_axe_is_not_blind(tab: Tab, axe: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><html><head><title>x</title></head><body><img src='data:,'></body></html>")
    await tab.open(page.as_uri())
    await tab.value(f"{axe}; true")
    assert {"image-alt", "html-has-lang"} <= {str(each).partition(":")[0] for each in await tab.value(BROKEN)}
