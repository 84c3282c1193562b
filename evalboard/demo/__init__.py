"""The material of the demonstration: our own questions and tiny models made on the spot.

`questions` needs no model library; `models`, `training` and `tokenizer` import torch and
transformers, so this package imports none of them.
"""
