"""Upkeep of the desks while Octet runs: windows tried out, put back, looked over; and what config/ says read anew."""
