"""The parts of the desk worker that speak to Windows, by ctypes alone. Its headers check what they declare."""
