"""Sound as numbers: feature extractors, and the per-day tables that keep what they computed.

Here belongs a new extractor: one file, and one line in `registry.py`. What is learned from the numbers lies in `osr/`.
"""
