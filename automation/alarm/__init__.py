"""The dead man's ping: an outside service hears that all is well, and raises the alarm when it hears nothing."""
