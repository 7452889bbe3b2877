"""The code location: the graph put together, and the commands that run it in this process.

Here belongs assembly. Assets, sensors and resources are defined in their own folders.
"""
