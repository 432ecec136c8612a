"""The words of the harness as frozen types: no I/O, no clock, no event loop."""
