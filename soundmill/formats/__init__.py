"""File formats of other programs, in and out: label files today.

Here belongs parsing and writing. What labels mean and where they are kept lies in `catalog/` and `labelling/`.
"""
