"""Catalog: the product records."""
