"""Prefect tasks: each is a decorator and one call into the core. No logic."""

from evalboard_prefect.tasks.sentences import log_sentences

log_sentences()
