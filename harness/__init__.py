"""Contract tests and chaos experiments for systems of services."""

__version__ = "0.1.0"
