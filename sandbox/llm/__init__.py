"""A scripted stand-in for a model's API on loopback: it speaks chat completions, and no model answers."""
