"""Inventory: stock and its reservations."""
