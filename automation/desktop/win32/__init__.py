"""The parts of the desk worker that speak to Windows, by ctypes alone. Tests check the ctypes signatures
against Windows' headers."""
