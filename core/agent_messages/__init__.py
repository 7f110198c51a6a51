"""What users say to agents, about a task or not, and what agents answer. Each message has its own delivery to each
agent."""
