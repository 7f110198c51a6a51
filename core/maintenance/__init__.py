"""Maintenance of desks while Octet runs: windows tried out, arranged and diagnosed; config/ reloaded."""
