"""Where subjects meet: training a model from labels and sound, clips, CutSets, uploads, live detection, erasure.

Here belongs what needs several of the folders below. Here does not belong an orchestrator or a web framework: everything runs from a
notebook.
"""
