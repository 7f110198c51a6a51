"""What every desk worker does, whatever its hands are: the life of its process, and one loop over a small port, which
each kind of hands fills."""
