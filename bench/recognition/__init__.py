"""How well the recognisers do: open-set protocols on real collections, the original's and ours in the same run.

Here belong protocols and the collections they run on. What they measure lies in `soundmill.features` and `soundmill.osr`.
"""
