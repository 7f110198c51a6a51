"""A desktop to try Octet on: a virtual display with eight agent windows, each with a scripted agent behind it.

Started as a child process (`python -m sandbox.desktop`). Who drives the windows knows them only through the display."""
