"""The HTTP APIs, a module each: the faces that clients of the original systems know, and what the pages call.

Here belongs the translation between HTTP and the library. Pages that people open belong in `pages/`.
"""
