"""Who acts and what they may do: actors, roles, permissions, the first owner, and the codes agents answer with."""
