"""Agents that are models: each prompt is one request to an API for chat completions; the outcome brings the answer."""
