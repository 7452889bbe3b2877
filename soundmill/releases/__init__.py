"""Releases: immutable, hashed data sets. What one is to be, how its clips are split, its manifest and its card.

Pure: sound, labels and catalog meet in `workflows/releases`; formats of other tools lie in `formats/`.
"""
