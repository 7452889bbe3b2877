"""How much has come in: progress of the collection toward its target, counted from the ledger.

Here belong counts, forecasts and the download queue. What a microphone delivers is cut in `capture/`.
"""
