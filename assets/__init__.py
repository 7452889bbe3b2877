"""The asset graph: one module per group, checks beside their assets, days and models as partitions.

Here belongs what loads an asset's inputs, calls one function of `soundmill/`, stores the result and says what happened. What happens
to audio lies in `soundmill/`; what starts runs lies in `sensors/`.
"""
