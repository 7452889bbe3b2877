"""Labels made by people: snapshots of annotations today; rounds, sessions and agreement belong here too.

Reading and writing label files lies in `formats/`; what is learned from labels lies in `osr/`.
"""
