"""The page of `harness load --ui`: Locust's own, and beside it one from which faults are put on and healed."""
