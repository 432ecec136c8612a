"""Who may import whom: the folders of the repository, and that import-linter's layers can refuse something."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "harness": {"harness"},
    "targets": {"targets"},
    "contracts": {"contracts", "harness", "targets"},
    "chaos": {"chaos", "harness"},
    "loadtests": {"loadtests", "harness"},
}
"""The folders of ours, and which of them each may import; `tests` may import all and is imported by none."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """A module named in an import statement, or by text in a call of `import_module`."""

    module: str
    line: int

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def imports_of(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (Import(module=alias.name, line=node.lineno) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield Import(module=module, line=node.lineno)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield Import(module=module, line=node.lineno)


def names_of(folder: Path) -> set[str]:
    """The names under which a folder's code could be imported.

    Beside its own name: each directory with code in it down to the services of a target, and each module
    directly in those, because a service's directory is put on the path by itself.
    """
    names = {folder.name}
    if folder.name == "targets":
        for path in folder.glob("*/**/*.py"):
            inner = path.relative_to(folder).parts[1:]
            names |= {Path(part).stem for part in inner if part != "__init__.py"}
    return names


def trespasses(root: Path, folder: str) -> list[str]:
    """Every import in a folder of something of ours that the folder must not know."""
    foreign = {"tests"}
    for other in MAY_IMPORT.keys() - MAY_IMPORT[folder]:
        foreign |= names_of(root / other)
    foreign -= {folder} | {name for other in MAY_IMPORT[folder] for name in names_of(root / other)}
    foreign -= set(sys.stdlib_module_names)
    return [
        f"{path.relative_to(root)}:{found.line} imports {found.module}"
        for path in sorted((root / folder).rglob("*.py"))
        for found in imports_of(ast.parse(path.read_text()))
        if found.top in foreign
    ]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_the_design_allows(folder: str) -> None:
    assert trespasses(ROOT, folder) == []


def mentions(root: Path) -> list[str]:
    """Every line of the harness that names a system described under `targets/`."""
    named = {path.parent.name for path in (root / "targets").glob("*/system.yaml")} | {"shop"}
    word = re.compile(rf"\b({'|'.join(sorted(named))})\b", re.IGNORECASE)
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in sorted((root / "harness").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if word.search(line)
    ]


def test_nothing_in_harness_speaks_of_a_target() -> None:
    assert mentions(ROOT) == []


def test_a_harness_that_speaks_of_a_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "targets" / "bank").mkdir(parents=True)
    (tmp_path / "targets" / "bank" / "system.yaml").write_text("system: bank")
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "culprit.py").write_text('"""Breaks things."""\n\nDEFAULT = "targets/bank"\n')

    assert mentions(tmp_path) == ['harness/culprit.py:3: DEFAULT = "targets/bank"']


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("targets", "from harness.clock import SystemClock"),
        ("targets", "def later():\n    import harness.load.journey"),
        ("targets", "import importlib\nimportlib.import_module('chaos.reads')"),
        ("harness", "import targets.store.kit"),
        ("harness", "from kit.client import Client"),
        ("harness", "import contracts.states.catalog"),
        ("harness", "from tests.fakes import FakeClock"),
        ("chaos", "import loadtests.locustfile"),
        ("chaos", "from kit import client"),
        ("loadtests", "import targets"),
    ],
)
def test_a_forbidden_import_is_refused(tmp_path: Path, folder: str, code: str) -> None:
    for name in MAY_IMPORT:
        (tmp_path / name).mkdir()
    kit = tmp_path / "targets" / "store" / "kit"
    kit.mkdir(parents=True)
    (kit / "client.py").write_text("")
    (tmp_path / folder / "culprit.py").write_text(code)

    assert [found.partition(":")[0] for found in trespasses(tmp_path, folder)] == [f"{folder}/culprit.py"]


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("targets", "from kit.client import Client\nfrom . import local"),
        ("contracts", "import harness.contracts\nfrom kit import client"),
        ("loadtests", "from harness.load.journey import operation"),
        ("harness", "import harness.contracts, asyncio, aiohttp"),
    ],
)
def test_an_allowed_import_is_left_alone(tmp_path: Path, folder: str, code: str) -> None:
    for name in MAY_IMPORT:
        (tmp_path / name).mkdir()
    kit = tmp_path / "targets" / "store" / "kit"
    kit.mkdir(parents=True)
    (kit / "client.py").write_text("")
    (tmp_path / folder / "innocent.py").write_text(code)

    assert trespasses(tmp_path, folder) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("model/culprit.py", "from harness.errors import Place\nimport harness.engine"),
        ("checkers/culprit.py", "import harness.report"),
        ("proxy/culprit.py", "import harness.cli"),
    ],
)
def test_the_layers_of_import_linter_refuse_an_import_upwards(tmp_path: Path, module: str, code: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "harness", tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "harness" / module).write_text(code)

    linted = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert linted.returncode == 1
    assert f"harness.{module.replace('/', '.').removesuffix('.py')} ->" in linted.stdout
