"""One attempt at one model: claim, plan, evaluate, close.

`model` contains the records of an attempt, `opening` finds or creates the request and claims it,
`course` is the order of the steps, `running` uses the engines, and `closing` stores the finished
benchmarks and ends the request. Below `running`: `engines` are the processes of one attempt,
`seating` assigns benchmarks to engines, `order` sorts benchmarks, and `retrying` decides about
retries. The flow `evaluate-model` and `evalboard evaluate`, which has no queue, run the same
`course`.
"""
