"""Tasks: pieces of work with a brief, from the first word of a person to an answer that is tied to it."""
