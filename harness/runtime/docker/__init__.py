"""The runtime that runs a topology as containers: `harness.runtime.docker.deployment.deploy` is the way in."""
