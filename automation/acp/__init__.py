"""The lane of agents that speak the Agent Client Protocol: one worker process drives the programs of all of them."""
