"""The built-in rules, as data."""
