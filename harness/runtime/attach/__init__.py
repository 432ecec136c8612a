"""The runtime that leaves a system as it found it: `harness.runtime.attach.deployment.deploy` is the way in."""
