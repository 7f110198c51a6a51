"""The few things that every package needs: errors, time, ids and supervised background work. No odd helpers."""
