"""Which agents work and which do not, because a user paused them or because they are silent."""
