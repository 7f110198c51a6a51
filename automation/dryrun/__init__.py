"""The lane for machines without a display: every step but the acts. It says that no agent gets what it sends."""
