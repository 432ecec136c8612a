"""Answers that a provider may give and has not given yet."""
