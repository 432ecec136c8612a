"""Allure's single page, made by the pinned Allure 3, with the defects of its page mended."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.errors import ProvisionError
from harness.proxy.provision import cache_directory

PIN = "3.18.0"
PACKAGE = "allure"
NODE_OLDEST = 20
INSTALL_WITHIN_S = 600.0
BUILD_WITHIN_S = 300.0
ANSWER_WITHIN_S = 30.0
MAX_TOLD_LINES = 5
MAX_PAGE_BYTES = 200 << 20
REMEDY = f"install Node {NODE_OLDEST} or newer with npm, which gets {PACKAGE}@{PIN} from the npm registry once"

_THIRD_PARTY = re.compile(
    r"<script\b[^>]*\bsrc=[\"'][^\"'>]{0,200}googletagmanager\.com[^>]*>\s*</script>"
    r"|<script>\s*window\.dataLayer\b[^<]{0,2000}</script>",
    re.IGNORECASE,
)
"""The hard-coded tag, and the script that calls it."""
_MENDED = "<script>window.allureReportData = window.allureReportData || {};</script>"

Say = Callable[[str], None]


def build_page(results: Path, page: Path, *, environ: Mapping[str, str], say: Say, title: str) -> None:
    """Make one HTML file of the results by Allure 3, which is provisioned into the cache once.

    Raises:
        ProvisionError: when Node or the package can't be had, or Allure makes no page; it tells how to mend that.
    """
    program = find_allure(environ=environ, say=say)
    work = page.resolve().with_name(f".{page.name}.{os.getpid()}")
    work.mkdir(parents=True)
    try:
        config = work / "allurerc.json"
        single = {"awesome": {"options": {"singleFile": True, "reportLanguage": "en"}}}
        config.write_text(json.dumps({"name": title, "output": str(work / "out"), "plugins": single}), encoding="utf-8")
        node = _node(environ)
        _run([node, str(program), "generate", "--config", str(config), str(results.resolve())], work, environ, "build")
        made = sorted((work / "out").rglob("index.html"))
        if not made:
            raise ProvisionError(f"Allure {PIN} made no page of {results}")
        if made[0].stat().st_size > MAX_PAGE_BYTES:
            raise ProvisionError(f"Allure's page of {results} has more than {MAX_PAGE_BYTES >> 20} MiB")
        page.write_text(mended(made[0].read_text(encoding="utf-8")), encoding="utf-8")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def mended(page: str) -> str:
    """Without the tag that tells a third party of each reader, and with the data's place made before a script asks."""
    clean = _THIRD_PARTY.sub("", page)
    return re.sub(r"<script\b", lambda found: _MENDED + found[0], clean, count=1)


def find_allure(*, environ: Mapping[str, str], say: Say) -> Path:
    """Allure's command in the cache, put there by npm when it is not; raises ProvisionError when that can't be."""
    kept = cache_directory(environ) / f"allure-{PIN}"
    program = kept / "node_modules" / PACKAGE / "cli.js"
    _node(environ)
    if program.is_file():
        return program
    npm = shutil.which("npm", path=environ.get("PATH", ""))
    if npm is None:
        raise ProvisionError(f"expected npm on the PATH to get {PACKAGE}@{PIN}, found none: {REMEDY}")
    say(f"Allure {PIN} is not in the cache: it is provisioned now, once")
    fresh = kept.with_name(f"{kept.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    try:
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run([npm, "install", "--prefix", str(fresh), *quiet, f"{PACKAGE}@{PIN}"], fresh, environ, "install")
        found = json.loads((fresh / "node_modules" / PACKAGE / "package.json").read_text(encoding="utf-8"))
        if found.get("version") != PIN:
            raise ProvisionError(f"expected {PACKAGE} {PIN} from npm, found {found.get('version')}: {REMEDY}")
        if not program.is_file():
            fresh.replace(kept)
    except OSError as error:
        raise ProvisionError(f"{PACKAGE}@{PIN} can't be put into {kept}: {error.strerror}: {REMEDY}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return program


def _node(environ: Mapping[str, str]) -> str:
    node = shutil.which("node", path=environ.get("PATH", ""))
    if node is None:
        raise ProvisionError(f"expected Node on the PATH to make Allure's page, found none: {REMEDY}")
    said = _said([node, "--version"], environ)
    figures = re.match(r"v(\d+)\.", said)
    if figures is None or int(figures[1]) < NODE_OLDEST:
        told = said.strip() or "one that does not tell its version"
        raise ProvisionError(f"expected Node {NODE_OLDEST} or newer, found {told}: {REMEDY}")
    return node


def _said(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, env=dict(environ), capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _run(command: list[str], directory: Path, environ: Mapping[str, str], what: str) -> None:
    within_s = INSTALL_WITHIN_S if what == "install" else BUILD_WITHIN_S
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProvisionError(f"Allure {PIN}: {what} did not end within {within_s:g} s: {REMEDY}") from error
    except OSError as error:
        raise ProvisionError(f"Allure {PIN}: {what} could not begin: {error.strerror}: {REMEDY}") from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        # Of a stack trace only what it is about.
        told = [line for line in lines if not line.lstrip().startswith("at ")][-MAX_TOLD_LINES:]
        words = "\n".join(f"  {line}" for line in told)
        mend = f"\nTo mend it: {REMEDY}" if what == "install" else ""
        raise ProvisionError(f"Allure {PIN}: {what} ended with {done.returncode}:\n{words}{mend}")
