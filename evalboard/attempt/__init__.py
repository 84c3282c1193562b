"""One attempt at one model: claim, plan, evaluate, close.

`model` what is asked for and what is being worked on, `opening` finds or makes the request and
claims it, `running` works on the engines, `closing` writes what was finished and ends the request.
Below `running`: `engines` the processes of one attempt, `seating` who is worked on where, `order`
who comes first, `retrying` what is tried again.
The flow `evaluate-model` calls these in order; so does `evalboard evaluate`, without a queue.
"""
