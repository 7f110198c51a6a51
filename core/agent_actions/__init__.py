"""Agent actions: what a user does to an agent without a text: interrupt it, or answer a dialog in its window."""
