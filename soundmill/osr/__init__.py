"""Open-set recognition: it names the sounds it was trained on and calls the rest "other".

Here belong models, thresholds, verdicts, metrics and reports, on vectors that come from elsewhere: this folder reads no audio.
"""
