"""Desks: one display with one pair of hands and its windows; who may use them now, and how each window is driven."""
