"""Locks and sleep: what this machine does while nobody touches it, and what keeps it awake while work waits."""
