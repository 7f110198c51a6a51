"""ACTS: the only code that touches the world outside, such as windows. Asks core, never decides."""
