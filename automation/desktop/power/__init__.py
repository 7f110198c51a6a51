"""Locks and sleep: what this machine does while no user touches it, and what keeps it awake while work waits."""
