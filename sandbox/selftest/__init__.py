"""What `octet desk selftest` works on: a scratch window that says what it was really given, and thieves beside it."""
