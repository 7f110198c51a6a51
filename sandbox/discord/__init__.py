"""A chat server on loopback that speaks Discord's REST and gateway protocols, with a page to use it as a person would.

The demo and the tests use it in place of discord.com. It imports outside packages only and knows nothing of the bot."""
