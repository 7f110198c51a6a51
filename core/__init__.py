"""Octet's rules: everything that decides, and nothing that talks to users or touches a screen."""
