"""Verdicts: what became of a delivery, for its task and agent too: by what was seen, or by what a person says."""
