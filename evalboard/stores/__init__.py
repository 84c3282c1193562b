"""Stores: versioned sets of files that several processes read and change.

`protocol` says what a store can do, `local` is one in a folder, `hub` one on the Hugging Face Hub,
`opening` picks by address, `paths` says which paths are content.
`requests`, `results` and `board` are built once, on the protocol; `work` is not a store but the folder of unfinished
runs.
"""
