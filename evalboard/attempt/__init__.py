"""One attempt at one model: claim, plan, evaluate, close.

`model` what is asked for and what is being worked on, `opening` finds or makes the request and
claims it, `running` works on the engine, `closing` writes what was finished and ends the request.
The flow `evaluate-model` calls these in order; so does `evalboard evaluate`, without a queue.
"""
