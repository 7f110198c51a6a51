"""A trial environment: a local Discord, a scripted model and a virtual desktop, run as child processes."""
