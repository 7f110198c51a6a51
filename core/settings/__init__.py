"""Settings: what one home wants done differently, read once and handed to every room."""
