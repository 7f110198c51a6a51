"""Agents: the workers that tasks are given to, what they can do, by which lane they are reached, and their state."""
