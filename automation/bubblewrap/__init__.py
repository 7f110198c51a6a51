"""Runs the commands of checks confined: in namespaces made by bubblewrap, watched and limited from outside."""
