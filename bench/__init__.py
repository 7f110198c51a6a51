"""Benchmarks: one file per claim, run by `make bench NAME=…`; docs/inside/benchmarks.md says what each measures."""
