"""Pacts held against OpenAPI documents, without a running provider."""
