"""The fleet as a whole: what needs a person, what everybody does, and which boards show it. It decides nothing."""
