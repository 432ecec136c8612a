"""Cart: what a customer means to buy."""
