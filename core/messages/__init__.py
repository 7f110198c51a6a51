"""Messages: addressed texts between people, agents and the hub, and the prompt an agent reads."""
