"""The steps of a delivery into a window, once, over a small port; real displays are not known here."""
