"""Notifications: order e-mails, as files."""
