"""Benchmarks: one question a file. See `README.md`."""
