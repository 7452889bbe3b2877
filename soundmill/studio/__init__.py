"""The studio: the web application with the HTTP APIs and the pages that people open.

Here belongs what speaks HTTP, and nothing else: what happens to audio lies in the other folders of the library.
"""
