"""The programs inside the windows: a chat window, a terminal program, and the scripted agent behind both."""
