"""Agents that are models: each prompt is one request to an API that speaks chat completions, and its answer comes back
with the outcome."""
