"""Flows, tasks and deployments under one name, because other projects have such packages too.

In a checkout `evalboard_prefect/flows` is a link to the folder `flows`, and so on. A wheel contains
the files themselves.
"""
