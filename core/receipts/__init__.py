"""Receipts: what is kept of every delivery that reached Enter, what it rests on, and for how long."""
