"""Reads config/: TOML files, .env and the environment, checked whole; changes its files with their comments kept."""
