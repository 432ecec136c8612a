"""Pricing: what a product and a basket cost."""
