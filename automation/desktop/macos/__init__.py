"""The worker for macOS: PyAutoGUI, the clipboard and pixels. It promises less and says *portable*."""
