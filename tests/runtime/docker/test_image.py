from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import DeployError, ProvisionError
from harness.model.system import StoreKind
from harness.runtime.docker import image as images
from harness.runtime.docker.engine import connect
from harness.runtime.docker.image import Image, Recipe, build, run_in

pytestmark = pytest.mark.loopback


def test_the_recipe_is_the_next_dockerfile_above_with_the_next_lock_above_that(tmp_path: Path) -> None:
    inner = tmp_path / "code" / "system"
    inner.mkdir(parents=True)
    (tmp_path / "uv.lock").touch()
    (tmp_path / "code" / "Dockerfile").write_text('ARG BASE=python:3\nFROM ${BASE}\nARG LIBRARIES="web one"\n')

    recipe = Recipe.of(inner)

    assert recipe == Recipe(dockerfile=tmp_path / "code" / "Dockerfile", code=tmp_path / "code", lock=tmp_path)
    assert recipe.argument("BASE") == "python:3"
    assert recipe.argument("LIBRARIES") == "web one"
    assert recipe.argument("NOTHING") == ""


def test_without_a_dockerfile_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match=f"expected a Dockerfile in {tmp_path} or above it"):
        Recipe.of(tmp_path)


def test_an_image_is_built_once_and_again_when_its_code_has_changed(recipe: Recipe, image: Image) -> None:
    said: list[str] = []

    again = build(recipe, say=said.append)
    digest = images._digest(recipe, [])
    added = recipe.code / "more.py"
    added.write_text("MORE = True\n")
    changed = images._digest(recipe, [])
    added.unlink()

    assert again == image
    assert said[-1] == f"image {image.tag} is there"
    assert changed != digest == images._digest(recipe, [])


def test_an_image_has_the_stores_and_the_proxy_and_an_ordinary_user(image: Image) -> None:
    api = connect()

    ours = set(StoreKind) - {StoreKind.TCP}
    assert {kind: bool(program.version) for kind, program in image.programs.items()} == dict.fromkeys(ours, True)
    assert int(image.programs[StoreKind.POSTGRES].version.partition(".")[0]) >= 15
    assert run_in(api, image.tag, ["id", "-u"]) == str(image.user)
    assert image.user != 0
    assert run_in(api, image.tag, ["toxiproxy-server", "-version"]).startswith("toxiproxy-server version")
    api.close()


def test_a_program_that_fails_in_an_image_is_told(image: Image) -> None:
    api = connect()
    with pytest.raises(DeployError, match="sh ended with 3: no luck"):
        run_in(api, image.tag, ["sh", "-c", "echo no luck; exit 3"])
    api.close()


def test_a_build_that_fails_is_told_with_its_last_lines(
    recipe: Recipe, image: Image, tmp_path: Path, say: Callable[[str], None]
) -> None:
    del image
    broken = tmp_path / "Dockerfile"
    broken.write_text(recipe.dockerfile.read_text().replace("FROM ${BASE}\n", "FROM ${BASE}\nRUN echo luck && false\n"))

    with pytest.raises(
        DeployError, match=r"could not be built: .*returned a non-zero code: 1; last lines:\n(.*\n)*  luck"
    ):
        build(Recipe(dockerfile=broken, code=recipe.code, lock=recipe.lock), say=say)


def test_without_any_base_image_it_says_how_to_make_one(
    engine: None, monkeypatch: pytest.MonkeyPatch, say: Callable[[str], None]
) -> None:
    del engine
    monkeypatch.setattr(images, "MADE_BASE", "harness-base:never-made")
    with (
        closing(connect()) as api,
        pytest.raises(ProvisionError, match=r"scripts/docker-base harness-base:never-made"),
    ):
        images._base(api, "127.0.0.1:9/nobody/nothing:1", say)
