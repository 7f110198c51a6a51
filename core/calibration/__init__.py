"""Connecting a person's own windows: what stands on a display, which of it is an agent, how each is driven there."""
