"""The built-in policies, as data."""
