"""`octet calibrate`: connects windows from the console."""
