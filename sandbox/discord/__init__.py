"""A chat server on loopback that speaks Discord's REST and gateway protocols, with a page to use it as a person would.

It stands in for discord.com in the demo and in tests. It imports outside packages only and knows nothing of the bot.
"""
