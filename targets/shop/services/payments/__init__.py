"""Payments: charges and refunds, at most one charge an order."""
