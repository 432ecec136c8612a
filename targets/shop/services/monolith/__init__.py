"""Monolith: the shop as it was, of which the last part is being taken out of use."""
