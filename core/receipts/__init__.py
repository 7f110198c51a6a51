"""Receipts: what Octet keeps of every delivery that reached Enter, its evidence, and for how long."""
