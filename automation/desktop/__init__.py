"""Delivers into the windows of a display: a worker process with PyAutoGUI's keys and clicks, and what runs it."""
