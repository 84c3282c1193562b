"""One attempt at one model: claim, plan, evaluate, close.

`model` what is asked for and what is being worked on, `opening` finds or makes the request and
claims it, `course` is the order of what follows, `running` works on the engines, `closing` writes
what was finished and ends the request.
Below `running`: `engines` the processes of one attempt, `seating` who is worked on where, `order`
who comes first, `retrying` what is tried again.
The flow `evaluate-model` and `evalboard evaluate`, which has no queue, run the same `course`.
"""
