"""The material of the demo: its own questions and tiny models, which are built on the fly.

`questions` needs no model library; `models`, `training` and `tokenizer` import torch and
transformers, so this package imports none of them.
"""
