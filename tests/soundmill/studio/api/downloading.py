"""Asking the downloader."""

import httpx


def single(client: httpx.Client, **form: str) -> httpx.Response:
    return client.post("/downloader/download/single", data=form)
