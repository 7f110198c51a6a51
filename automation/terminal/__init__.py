"""The worker for agents in panes of tmux: no display, no clipboard; a tmux server in the middle."""
