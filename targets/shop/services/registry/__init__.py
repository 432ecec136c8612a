"""Registry: which instances there are, whether they are up, and the feature flags."""
