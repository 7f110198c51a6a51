"""What every desk worker does, whatever its hands are: one loop over a small port, which each kind of hands fills."""
