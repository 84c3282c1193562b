"""The files of a model: full weights, or a base with an adapter or a delta.

`weights` finds and combines the files, `adapters` and `deltas` apply the two kinds of changes,
`finite` searches for NaN and infinity before loading, `loader` loads with a backend, and `failures`
translates the libraries' errors into the project's. `pretrained` loads with transformers, whatever
the backend.
"""
