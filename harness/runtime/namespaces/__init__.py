"""The runtime of services whose addresses are fixed in their code: each in a network namespace of its own."""
