"""MCP for agents: their verbs as tools and resources, for programs with an agent's token. It decides nothing."""
