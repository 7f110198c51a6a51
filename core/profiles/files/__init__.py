"""What a profile's file may hold, key by key, and how much of it is known: words, tables, marks, what fits together."""
