"""Orders: takes orders, and sees each to its end by a saga."""
