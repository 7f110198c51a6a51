"""The HTTP interface on loopback: routes for people's programs, and those through which agents answer."""
