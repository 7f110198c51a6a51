"""The heartbeat ping: an outside service hears that Octet is well, and raises the alarm when it hears nothing."""
