"""What `octet desk selftest` works on: a scratch window that reports what it really received."""
