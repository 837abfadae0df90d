"""Codecs: bodies to parts and back. Pure; what cannot be read raises `Unreadable`."""
