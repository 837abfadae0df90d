"""Texts and their views: folded, unescaped, decoded, each with a way back to the original characters."""
