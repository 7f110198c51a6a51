"""Virtual displays: each with an X server, a window manager and an agent's program, started, watched and ended."""
