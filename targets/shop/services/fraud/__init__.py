"""Fraud: how suspicious an order is, asked before it is paid and learnt from what was placed."""
