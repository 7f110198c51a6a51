"""Discord's REST routes, one module per topic, and the layer that checks, limits and records every request."""
