"""The steps of a delivery into a window, once, over a small port, without any display."""
