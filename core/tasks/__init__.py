"""Tasks: pieces of work with a brief, from a user's request to an answer with its code."""
