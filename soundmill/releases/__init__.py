"""Releases: immutable, hashed data sets. What one is to be, how its clips are split, its manifest and its card.

Here belongs what needs neither lake nor catalog: they meet in `workflows/releases`. Formats of other tools lie in `formats/`.
"""
