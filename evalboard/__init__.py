"""Run open leaderboards of language models: queue, evaluation, statistics, board."""

__version__ = "0.1.0"
