"""Messages: addressed texts between users, agents and Octet, and the prompt an agent reads."""
