"""Maintenance of desks while Octet runs: windows tried out, put back, looked over; config/ read anew."""
