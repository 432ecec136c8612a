"""The runtime that runs a compose project: `harness.runtime.compose.deployment.deploy` is the way in."""
