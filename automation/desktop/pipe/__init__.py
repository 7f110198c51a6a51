"""The pipe between Octet and a desk's worker: its frames, the two ends, and the life of the process behind it."""
