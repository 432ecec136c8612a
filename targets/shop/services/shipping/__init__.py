"""Shipping: a shipment and its label for each order."""
