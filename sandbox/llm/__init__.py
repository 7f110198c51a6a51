"""A scripted model's API on loopback: it speaks chat completions, and no model answers."""
