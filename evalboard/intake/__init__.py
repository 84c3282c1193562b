"""What happens to a submission before somebody claims it.

`submission` is what a person fills in, its checks and its way into the queue; `request_files` checks
what others wrote into the queue; `house_rules` says who may submit what and how often; `polling`
looks through the queue for what to refuse, check and start.
"""
