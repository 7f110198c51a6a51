"""The checks of `octet doctor`: one function per topic, each of which says its state and how to fix it."""
