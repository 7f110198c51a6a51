"""A world to try Octet in: a local stand-in for Discord and a virtual desktop, run as child processes.

Imports nothing of ours.
"""
