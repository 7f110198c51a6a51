"""The gateway to git's command line: Octet's own repository of each project, and the folders that agents work in."""
