"""Observations: the journal they are kept in, and the final reads."""
