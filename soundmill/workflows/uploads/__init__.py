"""Recordings that people upload: taken in, transcribed, searched for keywords; webhooks called, files of deleted ones swept.

Here belongs what happens to an upload between HTTP and the catalog. The HTTP API lies in `studio/`, deletion in `workflows/erasure.py`.
"""
