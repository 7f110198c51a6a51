"""Proof of done: the checks of a task, their runs, the evidence that they leave, and what follows from it."""
