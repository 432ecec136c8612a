import re
from pathlib import Path

import pytest

from harness.declare.starting import Draft, from_procfile
from harness.errors import DeclarationError
from harness.model.system import Need


def drafted(tmp_path: Path, text: str, env: str | None = None) -> Draft:
    (tmp_path / "Procfile").write_text(text, encoding="utf-8")
    if env is not None:
        (tmp_path / ".env").write_text(env, encoding="utf-8")
    return from_procfile(tmp_path / "Procfile")


def told(draft: Draft) -> list[str]:
    return [re.sub(r"^\S*/", "", str(remark)) for remark in draft.remarks]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("python3 app.py", ("python3", "app.py")),
        ("python3 app.py --port $PORT", ("python3", "app.py", "--port", "{port}")),
        ("gunicorn -b '0.0.0.0:${PORT:-8000}' app", ("gunicorn", "-b", "0.0.0.0:{port}", "app")),
        ("cd web && npm start", ("sh", "-c", "cd web && npm start")),
        ("node app.js $FLAGS", ("sh", "-c", "exec node app.js $FLAGS")),
        ("A=1 node app.js", ("node", "app.js")),
        ("A=$(date) node app.js", ("sh", "-c", "A=$(date) node app.js")),
        ("A='x y' B=\"z\" sh run.sh | tee log", ("sh", "-c", "sh run.sh | tee log")),
        ("awk '{print}'", ("sh", "-c", "exec awk '{{print}}'")),
        ("echo it's", ("sh", "-c", "echo it's")),
    ],
)
def test_a_line_becomes_a_command_and_a_shell_only_where_it_needs_one(
    tmp_path: Path, line: str, command: tuple[str, ...]
) -> None:
    assert drafted(tmp_path, f"web: {line}\n").service("web").command == command


def test_web_is_the_entry_and_else_the_first_line(tmp_path: Path) -> None:
    assert drafted(tmp_path, "api: a $PORT\nweb: b\n").entry.value == "web"
    assert drafted(tmp_path, "api: a $PORT\nusers: b $PORT\n").entry.value == "api"


def test_what_listens_on_nothing_is_left_out_and_told_of(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path, "# mine\nweb: a\nworker: celery -A app worker\nrelease: migrate\nworker2: w --port 7001\n"
    )
    assert [each.name for each in draft.services] == ["web", "worker2"]
    assert told(draft) == [
        (
            "Procfile:3: 'worker' seems to listen on nothing, so the harness can't see when it is ready: "
            "it is left out; let it listen on $PORT, and say so there"
        ),
        "Procfile:4: 'release' is run once before a release, and ends: it is left out; run it by hand if it is needed",
    ]


def test_settings_that_lead_to_another_line_become_edges(tmp_path: Path) -> None:
    env = "API_URL=http://localhost:5001/v1\nGREETING='hi {you}'\nPORT=80\n"
    draft = drafted(tmp_path, "web: python3 web.py\napi: python3 api.py -p 5001\n", env)
    assert dict(draft.service("web").env) == {
        "PORT": "{port}",
        "API_URL": "{edge.api.url}/v1",
        "GREETING": "hi {{you}}",
    }
    assert dict(draft.service("api").env)["API_URL"] == "http://localhost:5001/v1"
    port = draft.service("api").port
    assert port is not None
    assert port.value == "5001"
    assert [(each.consumer, each.provider, each.need, each.why) for each in draft.edges] == [
        ("web", "api", Need.SOFT, "API_URL names it (.env:1), which every process reads")
    ]


def test_settings_before_a_command_are_its_own(tmp_path: Path) -> None:
    text = (
        "web: BOOKS_URL=${BOOKS_URL:-http://127.0.0.1:5001} USERS=http://localhost:5002/u GREETING='a b' node web.js\n"
        "books: node books.js\nusers: PORT=5002 node users.js\n"
    )
    draft = drafted(tmp_path, text)
    assert draft.service("web").command == ("node", "web.js")
    assert dict(draft.service("web").env) == {
        "PORT": "{port}",
        "BOOKS_URL": "{edge.books.url}",
        "USERS": "{edge.users.url}/u",
        "GREETING": "a b",
    }
    assert draft.service("users").port is None
    assert dict(draft.service("users").env) == {"PORT": "{port}"}
    assert [(each.consumer, each.provider, each.why) for each in draft.edges] == [
        ("web", "books", "BOOKS_URL names it, in its line"),
        ("web", "users", "USERS names it, in its line"),
    ]


def test_stores_that_the_harness_runs_stand_in_for_those_of_the_settings(tmp_path: Path) -> None:
    env = "DATABASE_URL=postgres://u:p@localhost:5432/app\nREDIS_URL=redis://localhost:6379/1\n"
    draft = drafted(tmp_path, "web: a\nusers: b $PORT\n", env)
    assert [(each.name, each.kind, each.databases) for each in draft.stores] == [
        ("postgres", "postgres", ("web", "users")),
        ("redis", "redis", ()),
    ]
    told_to_web = dict(draft.service("web").env)
    assert told_to_web["DATABASE_URL"] == "{edge.postgres.dsn}"
    assert told_to_web["REDIS_URL"] == "{edge.redis.url}/1"
    assert {(each.consumer, each.provider) for each in draft.edges} == {
        ("web", "postgres"),
        ("web", "redis"),
        ("users", "postgres"),
        ("users", "redis"),
    }


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("AMQP=amqp://localhost:5672/", ".env:1: AMQP names amqp://localhost:5672, which nothing here starts"),
        ("API=http://localhost:9999/", ".env:1: API names http://localhost:9999, which nothing here starts"),
        ("API=https://api.example.org/v1", ".env:1: API leads out of the system"),
    ],
)
def test_what_nothing_here_starts_is_told_of(tmp_path: Path, setting: str, said: str) -> None:
    draft = drafted(tmp_path, "web: a\n", setting)
    assert [remark for remark in told(draft) if remark.startswith(said)] == told(draft)
    assert told(draft)


def test_names_that_become_the_same_get_a_number(tmp_path: Path) -> None:
    draft = drafted(tmp_path, "web: a\nUser_Api: b $PORT\nuser-api: c $PORT\n")
    assert [each.name for each in draft.services] == ["web", "user-api-2", "user-api"]
    assert told(draft) == [
        (
            "Procfile:2: 'User_Api' would be called 'user-api', as another is: it is 'user-api-2'; "
            "rename it in system.yaml if you like"
        )
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Procfile: holds no process; expected lines such as web: python3 app.py $PORT"),
        ("# nothing\n\n", "Procfile: holds no process"),
        ("web: a\nwhat is this\n", "Procfile:2: expected NAME: COMMAND, found 'what is this'"),
        ("web:\n", "Procfile:1: expected NAME: COMMAND, found 'web:'"),
        ("web: a\nweb: b\n", "Procfile:2: 'web' stands here twice"),
        ("worker: celery\n", "Procfile: no line of it starts something that listens"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        drafted(tmp_path, text)
    assert said in str(refused.value)


def test_a_wrong_line_in_dotenv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"\.env:2: expected NAME=value, found '\?'"):
        drafted(tmp_path, "web: a\n", "A=1\n?\n")


def test_a_procfile_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeclarationError, match="is not UTF-8 text"):
        from_procfile(tmp_path / "Procfile")
