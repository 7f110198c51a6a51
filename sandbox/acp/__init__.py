"""A scripted agent that speaks the Agent Client Protocol over standard input and output; no model answers."""
