"""Words: what people say to agents, about a task or not. Each is a message with a delivery of its own to each agent."""
