"""Which version of whom was verified against whom, as small files that live in git."""
