"""Connecting a user's windows: which windows a display has, which are agents, and how Octet drives each."""
