"""What is tried on Windows itself, or under Wine, with real windows: `python -m tests.on_windows`. Without pytest."""
