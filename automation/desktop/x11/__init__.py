"""What the desk worker knows of X11: connections, windows, selections, pictures, news."""
