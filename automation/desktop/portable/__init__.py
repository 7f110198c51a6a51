"""The portable path: PyAutoGUI, the clipboard and pixels, for platforms that offer nothing better. It promises less."""
