"""What a model is loaded from: whole weights, or a base with an adapter or a delta.

`weights` finds and combines the files, `adapters` and `deltas` know the two kinds of differences,
`finite` looks for NaN and infinity before anything is loaded, `loader` loads with a backend, and
`failures` turns what the libraries raise into the project's errors. `pretrained` loads with
transformers, whatever the backend.
"""
