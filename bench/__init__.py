"""Benchmarks: one file per claim, run by `make bench NAME=…`; docs/benchmarks.md says what each measures."""
