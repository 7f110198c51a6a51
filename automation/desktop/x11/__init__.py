"""The worker for X11: windows, input, input guard, selections and readback on one display."""
