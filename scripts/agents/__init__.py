"""`make test-agents`: Octet with the real programs of the command line, whose model is the scripted one on loopback."""
