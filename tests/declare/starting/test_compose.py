from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.declare.starting import Draft, from_compose
from harness.declare.starting.compose_file import read_project
from harness.errors import DeclarationError
from harness.model.system import Need


def drafted(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None, **files: str) -> Draft:
    file = tmp_path / "docker-compose.yml"
    file.write_text(text, encoding="utf-8")
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return from_compose(file, environ=environ or {}, directory=tmp_path)


def refusal(tmp_path: Path, text: str, **files: str) -> str:
    with pytest.raises(DeclarationError) as refused:
        drafted(tmp_path, text, {}, **files)
    return str(refused.value).replace(f"{tmp_path}/", "")


def told(draft: Draft) -> list[str]:
    return [str(remark).rpartition("/docker-compose.yml:")[2] for remark in draft.remarks]


def edges(draft: Draft) -> list[tuple[str, str]]:
    return [(edge.consumer, edge.provider) for edge in draft.edges]


def service(draft: Draft, name: str) -> tuple[str | None, str]:
    found = draft.service(name)
    return (found.port.value if found.port else None), found.ready.value


TWO = """\
services:
  front:
    image: acme/front
    ports: ["80"]
    {how}
  pay-ments:
    image: acme/payments
    expose: [8080]
"""


@pytest.mark.parametrize(
    "how",
    [
        "environment: {PAYMENTS_URL: 'http://pay-ments:8080'}",
        "environment: {PAYMENTS_URL: 'http://user:pw@pay-ments:8080/v1?x=1'}",
        "environment: ['PAYMENTS=pay-ments:8080']",
        "environment: {PAYMENTS_HOST: pay-ments}",
        "environment: {PAYMENTS_ADDR: 'a,pay-ments'}",
        "environment: {PEERS: 'http://x:1,http://pay-ments:8080'}",
        "environment: {DSN: 'user=a host=pay-ments port=1'}",
        "environment: {DSN: 'root:pw@tcp(pay-ments:3306)/x'}",
        "environment: {DSN: 'jdbc:postgresql://pay-ments:5432/x'}",
        "environment: {NODES: 'mongodb://u:p@x:1,pay-ments:2/z'}",
        "environment: {PAYMENTS_URL: 'http://${WHO:-pay-ments}:8080'}",
        "environment: {PAYMENTS_URL: 'http://$PAY:8080'}",
        "command: serve --upstream=pay-ments",
        "command: [serve, --payments-host, pay-ments]",
        "entrypoint: [wait-for, 'pay-ments:8080', --, serve]",
        "env_file: told__env",
        "links: ['pay-ments:p']\n    environment: {P_URL: 'http://p/'}",
        "depends_on: [pay-ments]",
        "depends_on: {pay-ments: {condition: service_started}}",
    ],
)
def test_an_edge_is_found_wherever_a_service_is_named(tmp_path: Path, how: str) -> None:
    text = TWO.format(how=how.replace("__", ".")) if "{" not in how else TWO.replace("{how}", how)
    draft = drafted(tmp_path, text, {"PAY": "pay-ments"}, told__env="X=1\nexport PAY_URL='http://pay-ments:8080'\n")
    assert edges(draft) == [("front", "pay-ments")]
    assert "docker-compose.yml:" in draft.edges[0].why or "told.env:2" in draft.edges[0].why


@pytest.mark.parametrize(
    "how",
    [
        "environment: {SERVICE_NAME: pay-ments}",
        "environment: {PATH_TO: '/srv/pay-ments'}",
        "environment: {OTHER_URL: 'http://pay-ments.example.org/'}",
        "environment: {DB_URL: 'postgres://pay-ments:pw@elsewhere:5432/pay-ments'}",
        "environment: {TOPIC: 'pay-ments.created'}",
        "command: build pay-ments:latest",
    ],
)
def test_a_word_that_is_no_address_is_no_edge(tmp_path: Path, how: str) -> None:
    assert edges(drafted(tmp_path, TWO.replace("{how}", how))) == []


def test_an_edge_says_what_it_was_guessed_from(tmp_path: Path) -> None:
    draft = drafted(
        tmp_path,
        """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    depends_on: [users, db]
    environment:
      DB_HOST: db
      MAIL_URL: http://mail:1080
  users: {build: u, expose: ["1"]}
  mail: {build: m}
  db: {image: "postgres:16-alpine"}
""",
    )
    assert [(edge.provider, edge.need, edge.why) for edge in draft.edges] == [
        ("db", Need.HARD, "DB_HOST names it (docker-compose.yml:7)"),
        ("mail", Need.SOFT, "MAIL_URL names it (docker-compose.yml:8)"),
        ("users", Need.HARD, "depends_on only (docker-compose.yml:5); nothing in it names 'users'"),
    ]


@pytest.mark.parametrize(
    ("image", "port"),
    [
        ("postgres", 5432),
        ("docker.io/library/postgres:16-alpine@sha256:00", 5432),
        ("registry.example.org:5000/team/mariadb:11", 3306),
        ("valkey/valkey:8", 6379),
        ("bitnami/redis", 6379),
        ("nats:2.10", 4222),
        ("rabbitmq:3-management", 5672),
        ("confluentinc/cp-kafka:7", 9092),
        ("mongo", 27017),
        ("memcached:alpine", 11211),
        ("mcr.microsoft.com/mssql/server:2022-latest", 1433),
    ],
)
def test_images_that_everybody_knows_are_stores(tmp_path: Path, image: str, port: int) -> None:
    draft = drafted(tmp_path, f"services: {{web: {{build: .}}, keep: {{image: '{image}'}}}}")
    (store,) = draft.stores
    assert (store.name, store.kind, store.port.value if store.port else None) == ("keep", "tcp", str(port))


def test_what_is_built_here_is_no_store_whatever_it_is_tagged(tmp_path: Path) -> None:
    draft = drafted(tmp_path, "services: {web: {build: .}, own: {build: o, image: acme/redis}}")
    assert draft.stores == ()


def test_a_store_that_is_named_by_another_port_has_that(tmp_path: Path) -> None:
    text = "services: {web: {build: ., environment: {R: 'redis://c:7000'}}, c: {image: redis, command: --port 7000}}"
    (store,) = drafted(tmp_path, text).stores
    assert store.port is not None
    assert store.port.value == "7000"


@pytest.mark.parametrize(
    ("how", "port", "ready"),
    [
        ("ports: ['8080:80']", "80", "tcp"),
        ("ports: ['127.0.0.1:8080:81/tcp']", "81", "tcp"),
        ("ports: [3000]", "3000", "tcp"),
        ("ports: ['9000-9001:9000-9001']", "9000", "tcp"),
        ("ports: [{target: 82, published: '9'}]", "82", "tcp"),
        ("ports: ['53:53/udp']\n    expose: ['84']", "84", "tcp"),
        ("environment: {PORT: 85}", "85", "tcp"),
        ("healthcheck: {test: 'curl -f http://localhost:86/up || exit 1'}", "86", "/up"),
        (
            "healthcheck: {test: [CMD, wget, -qO-, 'http://127.0.0.1:$${PORT}/healthz']}\n    expose: ['87']",
            "87",
            "/healthz",
        ),
        ("ports: ['90', '91']\n    healthcheck: {test: 'curl http://localhost:91/'}", "91", "/"),
        ("healthcheck: {test: [CMD, pg_isready]}", None, "tcp"),
    ],
)
def test_port_and_readiness_are_read_off(tmp_path: Path, how: str, port: str | None, ready: str) -> None:
    draft = drafted(tmp_path, f"services:\n  web:\n    build: .\n    {how}\n")
    assert service(draft, "web") == (port, ready)


def test_a_service_of_which_nobody_knows_the_port_is_told_of(tmp_path: Path) -> None:
    (remark,) = told(drafted(tmp_path, "services:\n  worker: {build: .}\n"))
    assert remark.startswith("2:3: nothing says at which port 'worker' listens")


def test_the_caller_s_environment_comes_before_dotenv(tmp_path: Path) -> None:
    text = "services: {web: {build: ., environment: ['A=http://${A}:1', 'B=http://${B}:1']}, x: {}, y: {}}"
    (tmp_path / ".env").write_text("A=nobody\nB=y\n", encoding="utf-8")
    assert edges(drafted(tmp_path, text, {"A": "x"})) == [("web", "x"), ("web", "y")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${GONE:-d}", "d"),
        ("${GONE-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${SET:+other}", "other"),
        ("${GONE:+other}", ""),
        ("${GONE:-${SET}}", "set"),
        ("${GONE:-a${EMPTY:-b}c}", "abc"),
        ("${SET:?must}", "set"),
        ("$${SET}", "${SET}"),
        ("$SET-$", "set-$"),
    ],
)
def test_variables_are_filled_in_as_compose_does(tmp_path: Path, text: str, value: str) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(f"services: {{web: {{container_name: '{text}'}}}}", encoding="utf-8")
    project = read_project(file, environ={"SET": "set", "EMPTY": ""})
    assert project.services["web"]["container_name"].content == value


def test_a_variable_that_is_not_set_is_told_of(tmp_path: Path) -> None:
    remarks = told(drafted(tmp_path, "services:\n  web:\n    build: .\n    image: x:${TAG}\n    ports: ['1']\n"))
    assert remarks == [
        (
            "4:12: the variable TAG is not set, and is empty here; what it would have named isn't seen; "
            "set it in .env, or write ${TAG:-default}"
        )
    ]


def test_anchors_and_merges_are_followed(tmp_path: Path) -> None:
    text = """\
x-told: &told {API_URL: "http://api:1"}
services:
  web: {build: ., environment: {<<: *told, X: y}}
  api: {build: .}
"""
    assert edges(drafted(tmp_path, text)) == [("web", "api")]


def test_a_service_that_extends_another_adds_to_it(tmp_path: Path) -> None:
    base = (
        "services:\n  common:\n    environment: [API_URL=http://api:1, X=1]\n    expose: ['7']\n    image: postgres\n"
    )
    text = """\
services:
  web:
    extends: {file: base.yml, service: common}
    image: acme/web
    environment: {X: "http://more:1/"}
  api: {build: .}
  more: {build: .}
"""
    draft = drafted(tmp_path, text, base__yml=base)
    assert edges(draft) == [("web", "api"), ("web", "more")]
    assert service(draft, "web") == ("7", "tcp")
    assert draft.edges[0].why == "API_URL names it (base.yml:3)"


def test_included_files_belong_to_the_project(tmp_path: Path) -> None:
    text = "include: [more.yml]\nservices: {web: {build: ., environment: {API_URL: 'http://api:1'}}}"
    draft = drafted(tmp_path, text, more__yml="services: {api: {build: .}}")
    assert edges(draft) == [("web", "api")]


def test_profiles_and_jobs_are_left_out_and_told_of(tmp_path: Path) -> None:
    text = """\
services:
  web:
    build: .
    ports: ["1"]
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate: {build: .}
  debug: {build: ., profiles: [dev]}
"""
    draft = drafted(tmp_path, text)
    assert [each.name for each in draft.services] == ["web"]
    assert [remark.partition(":")[0] for remark in told(draft)] == ["6", "7"]
    taken_in = from_compose(tmp_path / "docker-compose.yml", environ={}, directory=tmp_path, profiles=["dev"])
    assert [each.name for each in taken_in.services] == ["web", "debug"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("deploy: {mode: global}", "4:14: 'deploy.mode: global' of 'web' is for swarm"),
        ("deploy: {replicas: 2}", "4:14: 'deploy.replicas: 2' of 'web': it is described as one instance"),
        ("deploy: {update_config: {parallelism: 1}}", "4:14: 'deploy.update_config' of 'web' is for swarm"),
        ("external_links: [legacy]", "4:5: 'external_links' of 'web' leads to containers of other projects"),
        ("extra_hosts: ['api:10.0.0.1']", "4:5: 'extra_hosts' of 'web'"),
        ("networks: {a: {ipv4_address: 10.0.0.2}}", "4:20: 'ipv4_address' of 'web' in 'a'"),
        ("pid: host", "4:5: 'pid: host' of 'web'"),
        ("environment: {U: 'http://host.docker.internal:1'}", "4:22: U of 'web' names host.docker.internal"),
    ],
)
def test_what_is_not_supported_is_said_by_its_line(tmp_path: Path, how: str, said: str) -> None:
    draft = drafted(tmp_path, f"services:\n  web:\n    ports: ['1']\n    {how}\n    build: .\n")
    assert any(remark.startswith(said) for remark in told(draft)), told(draft)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("host", "3:9: 'network_mode: host' of 'odd': it has no address of its own"),
        ("none", "3:9: 'network_mode: none' of 'odd': it can't be reached by its name"),
        ("'service:web'", "3:9: 'network_mode: service:web' of 'odd': it shares the addresses of another"),
    ],
)
def test_what_has_no_address_of_its_own_is_left_out(tmp_path: Path, mode: str, said: str) -> None:
    text = f"services:\n  web: {{build: ., ports: ['1'], depends_on: [odd]}}\n  odd: {{network_mode: {mode}}}\n"
    draft = drafted(tmp_path, text)
    assert [each.name for each in draft.services] == ["web"]
    assert draft.edges == ()
    (remark,) = told(draft)
    assert remark.startswith(said)


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("networks: {a: {driver: overlay}}", "2:16: the network 'a' has the driver 'overlay'"),
        ("networks: {a: {external: true}}", "2:16: the network 'a' comes from outside"),
        ("networks: {a: {enable_ipv4: false, enable_ipv6: true}}", "2:16: the network 'a' has no IPv4"),
        ("networks: {a: {ipam: {config: [{subnet: '2001:db8::/64'}]}}}", "2:12: the network 'a' has IPv6 subnets only"),
        ("secrets: {s: {external: true}}", "2:15: 's' of secrets comes from outside"),
        ("volumes: {v: {external: true}}", "2:15: 'v' of volumes comes from outside"),
    ],
)
def test_what_is_not_supported_beside_the_services_is_said_too(tmp_path: Path, top: str, said: str) -> None:
    draft = drafted(tmp_path, f"services: {{web: {{build: ., ports: ['1']}}}}\n{top}\n")
    assert [remark for remark in told(draft) if remark.startswith(said)] == told(draft)
    assert told(draft)


def test_what_is_supported_is_not_remarked_upon(tmp_path: Path) -> None:
    text = """\
services:
  web:
    build: .
    ports: ["1"]
    networks: [a]
    deploy: {replicas: 1, resources: {limits: {memory: 1g}}}
    scale: 1
networks: {a: {driver: bridge, ipam: {config: [{subnet: 10.0.0.0/8}, {subnet: "2001:db8::/64"}]}}}
volumes: {v: {}}
secrets: {s: {file: ./s}}
"""
    assert told(drafted(tmp_path, text)) == []


def test_names_that_become_the_same_get_a_number(tmp_path: Path) -> None:
    draft = drafted(tmp_path, "services:\n  My_App: {build: ., ports: ['1']}\n  my-app: {build: ., ports: ['2']}\n")
    assert [(each.name, each.compose) for each in draft.services] == [("my-app-2", "My_App"), ("my-app", None)]
    (remark,) = told(draft)
    assert remark.startswith("2:3: 'My_App' would be called 'my-app', as another is: it is 'my-app-2' in system.yaml")


@pytest.mark.parametrize(
    ("services", "entry"),
    [
        ("a: {build: .}, b: {build: ., ports: ['1']}", "b"),
        ("api: {build: ., ports: ['1']}, frontend: {build: ., ports: ['1']}", "frontend"),
        ("x: {build: ., ports: ['1']}, y: {build: ., ports: ['1'], environment: {U: 'http://x:1'}}", "y"),
        ("x: {build: .}, y: {build: .}", "x"),
        ("db: {image: postgres, ports: ['1']}, y: {build: .}", "y"),
        (
            'a: {image: i, ports: ["1:1"]}, b: {image: i, ports: ["2:2"], depends_on: [a]}',
            "b",
        ),
    ],
)
def test_the_entry_is_guessed(tmp_path: Path, services: str, entry: str) -> None:
    assert drafted(tmp_path, f"services: {{{services}}}").entry.value == entry


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {", "docker-compose.yml:1:12: is not YAML"),
        ("services: []", "docker-compose.yml:1:11: 'services' is of the wrong type: expected a mapping of services"),
        ("volumes: {}", "docker-compose.yml:1:1: has no services"),
        ("- a", "docker-compose.yml:1:1: is no compose file"),
        ("services: {web: [a]}", "'web' is of the wrong type: expected a mapping that describes a service"),
        ("services: {web: {environment: 3}}", "'environment' is of the wrong type: expected a mapping, or a list"),
        ("services: {web: {environment: {A: [b]}}}", "'A' is of the wrong type: expected text, found ['b']"),
        ("services: {web: {ports: [eighty]}}", "expected a port such as 8080 or '80:8080', found eighty"),
        ("services: {web: {ports: ['80:99999']}}", "expected a port such as 8080 or '80:8080', found 80:99999"),
        ("services: {web: {image: '${A:?say which}'}}", "the variable A must be set: say which"),
        ("services: {web: {image: '${A'}}", "'${' without '}'"),
        ("services: {web: {image: '${A!b}'}}", "has a form that compose does not know"),
        ("services: {web: {env_file: none.env}}", "none.env can't be read: No such file or directory"),
        ("services: {web: {env_file: bad__env}}", "bad.env:2: expected NAME=value, found 'what is this'"),
        (
            "services: {web: {extends: api}, ap: {}}",
            "extends 'api', which is no service of docker-compose.yml; did you mean 'ap'?",
        ),
        ("services: {a: {extends: b}, b: {extends: a}}", "extends itself, through others"),
        ("include: [docker-compose.yml]\nservices: {a: {}}", "includes itself through docker-compose.yml"),
        ("include: ['https://x/y.yml']\nservices: {a: {}}", "includes https://x/y.yml, which is not on this machine"),
        ("include: [more__yml]\nservices: {web: {}}", "the service 'web' is in"),
        ("services: {db: {image: postgres}}", "every service of it is a store"),
        ("services: {w: {profiles: [a]}}", "no service of it stays up"),
        ("services: {w: {}, w: {}}", "key 'w' stands here twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    files = {"bad__env": "A=1\nwhat is this\n", "more__yml": "services: {web: {}}"}
    assert said in refusal(tmp_path, text.replace("__", "."), **files)


def test_an_env_file_that_may_be_missing_may_be_missing(tmp_path: Path) -> None:
    drafted(tmp_path, "services: {web: {build: ., env_file: [{path: none.env, required: false}]}}")
