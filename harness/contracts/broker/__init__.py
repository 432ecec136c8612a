"""A Pact Broker, asked by its HAL API."""
