from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.init import init
from harness.declare import load_system
from harness.errors import HarnessError
from harness.model.system import RuntimeKind


def run(*arguments: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(init, arguments, input=answers)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "My Bakery"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_five_questions_with_a_default_each(here: Path) -> None:
    done = run(answers="\n\n\n\n\n\n")
    assert done.exit_code == 0, done.output
    for question in (
        "1. What is the system called? [my-bakery]",
        "2. What runs it? (process, namespaces, compose, attach) [process]",
        (
            "3. Which services are there? One a line, NAME=COMMAND, such as web=python3 app.py --port {port}; "
            "an empty line ends [web=python3 -m http.server {port} --bind 127.0.0.1]"
        ),
        "4. Which service do customers talk to? [web]",
        "5. What does a customer ask it for? [/]",
    ):
        assert question in done.output
    topology = load_system(here / "system.yaml")
    assert (topology.name, topology.system.entry) == ("my-bakery", "web")
    assert topology.run_of("web").command == ("python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1")


def test_what_is_answered_is_what_is_written(here: Path) -> None:
    done = run(answers="bread\nattach\nfront=http://127.0.0.1:1\noven=http://127.0.0.1:2\n\noven\n/loaves\n")
    assert done.exit_code == 0, done.output
    topology = load_system(here / "system.yaml")
    assert (topology.name, topology.system.runtime) == ("bread", RuntimeKind.ATTACH)
    assert (topology.system.entry, [*topology.system.services]) == ("oven", ["front", "oven"])
    assert "GET /loaves" in (here / "loadtests/journeys.yaml").read_text(encoding="utf-8")


def test_options_answer_and_nothing_is_asked(here: Path) -> None:
    options = ("--name=b", "--runtime=process", "--service=web=a", "--service=api=b", "--entry=api", "--path=/x")
    done = run("deep/below", *options)
    assert done.exit_code == 0, done.output
    assert "?" not in done.output
    assert load_system(here / "deep/below/system.yaml").system.entry == "api"


def test_yes_takes_what_is_proposed(here: Path) -> None:
    done = run("--yes")
    assert done.exit_code == 0, done.output
    assert "wrote system.yaml" in done.output
    assert "my-bakery: 1 services, 0 stores, 0 edges; customers enter at web" in done.output
    load_system(here / "system.yaml")


def test_without_an_answer_it_says_how_to_go_on(here: Path) -> None:
    done = run(answers="")
    assert done.exit_code == 1
    assert "no answer came; give it by an option, or take what is proposed by --yes" in done.output
    assert not (here / "system.yaml").exists()


def test_a_compose_file_nearby_is_pointed_out(here: Path) -> None:
    (here / "compose.yaml").write_text("services: {}", encoding="utf-8")
    assert "there is a compose.yaml: `harness init --from compose.yaml` asks nothing" in run("--yes").output


def test_from_a_compose_file_asks_nothing_and_tells_what_it_left_out(here: Path) -> None:
    text = "services:\n  web: {build: ., ports: ['1'], pid: host}\n"
    (here / "docker-compose.yml").write_text(text, encoding="utf-8")
    done = run("--from", "docker-compose.yml", "--name", "mine")
    assert done.exit_code == 0, done.output
    assert "note: docker-compose.yml:2:33: 'pid: host' of 'web'" in done.output
    topology = load_system(here / "system.yaml")
    assert (topology.name, topology.system.compose) == ("mine", "docker-compose.yml")


def test_from_a_procfile(here: Path) -> None:
    (here / "Procfile").write_text("web: python3 app.py\n", encoding="utf-8")
    assert run("--from", "Procfile").exit_code == 0
    assert load_system(here / "system.yaml").run_of("web").command == ("python3", "app.py")


def test_from_several_documents(here: Path) -> None:
    for name in ("a", "b"):
        text = f"openapi: 3.0.0\ninfo: {{title: {name}}}\nservers: [{{url: 'http://localhost:1'}}]\npaths: {{}}\n"
        (here / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert run("--from", "a.yaml", "--from", "b.yaml").exit_code == 0
    assert [*load_system(here / "system.yaml").system.services] == ["a", "b"]


@pytest.mark.parametrize("options", [["--yes"], ["--from", "Procfile"]])
def test_what_is_there_is_left_as_it_is(here: Path, options: list[str]) -> None:
    (here / "Procfile").write_text("web: a\n", encoding="utf-8")
    (here / "system.yaml").write_text("mine", encoding="utf-8")
    done = run(*options)
    assert done.exit_code == 1
    assert "system.yaml is there already, and is left as it is; nothing was written" in done.output
    assert (here / "system.yaml").read_text(encoding="utf-8") == "mine"
    assert not (here / "chaos").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--force"], "there is no --force: what is there is never overwritten"),
        (["--from", "Procfile", "--entry", "x"], "answer questions, which --from leaves none of"),
        (["--from", "gone.yml"], "gone.yml: can't be read: No such file or directory"),
        (["--from", "."], "is a directory; name the file: Procfile"),
        (["--from", "odd.yaml"], "odd.yaml: is of no kind that is known; expected a docker-compose.yml, a Procfile"),
        (
            ["--from", "Procfile", "--from", "api.yaml"],
            "the sources are of several kinds: Procfile (procfile), api.yaml",
        ),
        (["--from", "Procfile", "--from", "Procfile.dev"], "expected one procfile file, found 2"),
        (["--service", "web"], "'web' has no command"),
        (["--yes", "--entry", "nobody"], "'nobody' is no service"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(here: Path, arguments: list[str], said: str) -> None:
    (here / "Procfile").write_text("web: a\n", encoding="utf-8")
    (here / "Procfile.dev").write_text("web: a\n", encoding="utf-8")
    (here / "odd.yaml").write_text("a: 1\n", encoding="utf-8")
    (here / "api.yaml").write_text("openapi: 3.0.0\n", encoding="utf-8")
    done = run(*arguments, answers="\n" * 9)
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit | HarnessError)
    assert not (here / "system.yaml").exists()
