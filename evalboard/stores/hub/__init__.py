"""A store in a dataset repository on the Hugging Face Hub, or on a server with the same API.

`store` is the interface. `dataset` makes the calls, `responses` interprets their errors, `snapshot`
and `cache` read, `outbox`, `sending` and `budget` write, `heads` remembers the newest commit, and
`waiting` determines the waits.
"""
