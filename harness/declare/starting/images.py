"""Images that everybody knows: which of them are stores, and at which port."""

from __future__ import annotations

import re

PORTS = {
    "postgres": 5432,
    "postgresql": 5432,
    "postgis": 5432,
    "pgvector": 5432,
    "timescaledb": 5432,
    "timescaledb-ha": 5432,
    "cockroach": 26257,
    "mysql": 3306,
    "mysql-server": 3306,
    "mariadb": 3306,
    "percona": 3306,
    "redis": 6379,
    "redis-stack": 6379,
    "redis-stack-server": 6379,
    "valkey": 6379,
    "keydb": 6379,
    "dragonfly": 6379,
    "nats": 4222,
    "nats-streaming": 4222,
    "rabbitmq": 5672,
    "activemq": 61616,
    "artemis": 61616,
    "kafka": 9092,
    "cp-kafka": 9092,
    "cp-server": 9092,
    "redpanda": 9092,
    "pulsar": 6650,
    "zookeeper": 2181,
    "cp-zookeeper": 2181,
    "mongo": 27017,
    "mongodb": 27017,
    "mongodb-community-server": 27017,
    "memcached": 11211,
    "elasticsearch": 9200,
    "opensearch": 9200,
    "cassandra": 9042,
    "scylla": 9042,
    "clickhouse": 8123,
    "clickhouse-server": 8123,
    "couchdb": 5984,
    "neo4j": 7687,
    "influxdb": 8086,
    "etcd": 2379,
    "minio": 9000,
    "eclipse-mosquitto": 1883,
    "emqx": 1883,
    "mssql": 1433,
    "azure-sql-edge": 1433,
    "dynamodb-local": 8000,
}
"""The last part of an image's name → the port that its clients use, unless they are told of another."""

_IMAGE = re.compile(r"(?:.*/)?([^/:@]+)(?::[^@]*)?(?:@.*)?")


def short_name(image: str) -> str:
    """`postgres` for `docker.io/library/postgres:16-alpine@sha256:…`; for `mssql/server`, `mssql`."""
    match = _IMAGE.fullmatch(image)
    name = match[1] if match else image
    return "mssql" if name == "server" and "/mssql/" in f"/{image}" else name


def store_port(image: str) -> int | None:
    """The port of a store; None for an image that is none, or that nobody knows."""
    return PORTS.get(short_name(image).lower())
