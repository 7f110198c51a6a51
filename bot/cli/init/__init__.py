"""`octet init` as a conversation. Each answer is kept at once: it can be left at any question and goes on there."""
