"""Allure's page, made by a Node and an npm that are scripts: what is asked of them, and what is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ProvisionError
from harness.report.allure_page import PIN, build_page, find_allure, mended

NPM = """\
#!/bin/sh
mkdir -p "$3/node_modules/allure"
echo '{"version": "VERSION"}' >"$3/node_modules/allure/package.json"
touch "$3/node_modules/allure/cli.js"
"""
NODE = """\
#!/bin/sh
if [ "$1" = --version ]; then echo vNODE; exit; fi
mkdir -p out
echo '<script>app</script>' >out/index.html
"""
TRACKED = """<head><script>options</script><script src="data:text/javascript;base64,AA=="></script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>
<script>
  window.dataLayer = window.dataLayer || [];
  function gtag(){dataLayer.push(arguments);}
</script><script defer>data</script></head>"""


def machine(tmp_path: Path, *, node: str | None = "20.1.0", npm: str | None = PIN) -> dict[str, str]:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("node", NODE.replace("NODE", node) if node else ""),
        ("npm", NPM.replace("VERSION", npm) if npm else ""),
    ):
        if text:
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
    for name in ("mkdir", "touch"):
        (programs / name).symlink_to(f"/bin/{name}")
    return {"PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def silent(_: str) -> None:
    pass


def test_the_tag_that_tells_a_third_party_is_gone_and_the_data_has_its_place_before_any_script() -> None:
    page = mended(TRACKED)
    assert "googletagmanager" not in page
    assert "dataLayer" not in page
    assert page.startswith(
        "<head><script>window.allureReportData = window.allureReportData || {};</script><script>options"
    )
    assert "<script defer>data</script></head>" in page


def test_it_is_got_once_and_makes_one_page(tmp_path: Path) -> None:
    environ, said = machine(tmp_path), list[str]()
    (tmp_path / "results").mkdir()
    for _ in range(2):
        page = tmp_path / "page.html"
        build_page(tmp_path / "results", page, environ=environ, say=said.append, title="shop")
        assert "allureReportData" in page.read_text()
    assert len(said) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin", "cache", "page.html", "results"]


@pytest.mark.parametrize(
    ("node", "npm", "message"),
    [
        (None, PIN, "expected Node on the PATH to make Allure's page, found none: install Node"),
        ("18.2.0", PIN, "expected Node 20 or newer, found v18.2.0"),
        ("20.1.0", None, "expected npm on the PATH"),
        ("20.1.0", "2.0.0", "expected allure .* from npm, found 2.0.0"),
    ],
    ids=["no Node", "an old Node", "no npm", "another version"],
)
def test_what_is_missing_is_told_with_what_mends_it(
    tmp_path: Path, node: str | None, npm: str | None, message: str
) -> None:
    with pytest.raises(ProvisionError, match=message) as caught:
        find_allure(environ=machine(tmp_path, node=node, npm=npm), say=silent)
    assert f"allure@{PIN} from the npm registry once" in str(caught.value)
    assert not list((tmp_path / "cache").glob("harness/allure*"))
