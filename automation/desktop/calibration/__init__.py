"""Measures windows that are being connected, and tries them: where everything is, and whether a draft lands."""
