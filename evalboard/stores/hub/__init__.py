"""A store in a dataset repository on the Hugging Face Hub, or on a server that speaks its protocol.

`store` is what others use. `dataset` makes the calls, `responses` says what their errors mean,
`snapshot` and `cache` read, `outbox`, `sending` and `budget` write, `heads` remembers the newest
commit, `waiting` says how long to wait.
"""
