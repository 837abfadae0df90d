"""Patterns: read, checked, widened, scanned in one pass, confirmed."""
