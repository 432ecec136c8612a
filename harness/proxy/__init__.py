"""Toxiproxy on every edge: provisioning, servers, client, and the relay that counts."""
