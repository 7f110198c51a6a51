"""Measuring windows that are to be connected, and trying them: what is where, what stands still, does a draft land."""
