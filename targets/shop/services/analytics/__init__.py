"""Analytics: a warehouse of all events, and what each day was worth."""
