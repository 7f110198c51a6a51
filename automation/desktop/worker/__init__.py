"""Every desk worker, whatever its backend: the pipe to Octet, its process, and one loop over a small port."""
