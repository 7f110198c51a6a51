"""Starting Octet at log-in: what each system is told for it. systemd, Windows' Task Scheduler, launchd."""
