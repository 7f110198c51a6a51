"""What travels over HTTP, in the words of core."""
