"""Desks: one display with its worker and its windows; who may use them now, and how Octet drives each window."""
