"""The library: what happens to audio, in plain Python that a notebook can use.

Here belongs everything that reads, cuts, describes, recognises or counts sound. Here does not belong anything that imports
Dagster or FastAPI outside `studio/`: orchestration lies in `assets/`, `sensors/` and `pipeline/`.
"""
