"""The fleet as a whole: what needs a user, what each agent does, and which boards show it. It decides nothing."""
