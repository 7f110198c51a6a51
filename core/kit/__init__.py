"""The few things every room needs: errors, time, ids and supervised background work. Not a home for odd helpers."""
