"""Discord's published description of its API, the exceptions from it, and the checks of requests made from both."""
