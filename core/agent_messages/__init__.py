"""What users say to agents, about a task or not. Each message has its own delivery to each agent."""
