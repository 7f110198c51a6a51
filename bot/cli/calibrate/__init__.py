"""`octet calibrate` and `octet desk import`: connect windows from the console."""
