"""Stores: versioned sets of files that several processes read and change.

`protocol` defines the interface of a store, `local` is a store in a folder, `hub` a store on the
Hugging Face Hub, `addresses` opens a store by its address, and `paths` defines which paths are content.
`requests`, `results` and `board` work on any store. `work` is not a store but the folder of
unfinished runs.
"""
