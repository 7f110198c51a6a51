"""Delivering into the windows of a display: a worker process with PyAutoGUI's hands, and what runs it."""
