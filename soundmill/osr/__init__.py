"""Open-set recognition: it names the sounds it was taught and says "other" to the rest.

Here belong models, thresholds, verdicts, metrics and reports, on vectors that come from elsewhere: this folder reads no audio.
"""
