"""One window as the target of keys, clicks and texts: what is the same on every platform."""
