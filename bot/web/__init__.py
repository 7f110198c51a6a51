"""The HTTP face on loopback: routes for people's programs, and the one route through which agents answer."""
