"""Search: finds products by their words."""
