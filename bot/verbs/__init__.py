"""Every verb of Octet, declared once: a file per group, and the types from which each interface makes its form."""
