"""The lane for machines without a display: every step but the acts. What it sends reaches nobody, and it says so."""
