"""Profiles: how each kind of window is driven, read back and understood."""
