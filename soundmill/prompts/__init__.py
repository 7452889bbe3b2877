"""Prompted speech: sets of sentences that people read, and how good a reading of one is.

Here belongs what needs no lake: what a set is to be, how one is read from a file, and the verdict on a take. Taking takes in, exporting and
erasing them lies in `workflows/takes`.
"""
