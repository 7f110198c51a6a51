"""Octet's rules: everything that decides, and nothing that talks to people or touches a screen."""
