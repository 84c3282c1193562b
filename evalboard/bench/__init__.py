"""`evalboard bench`: the same model and the same questions through lm_eval and through us.

`cases` say what is measured, `material` makes it, with the model of `models` and the task files of
`mirrored`. `programs` are the four ways of evaluating, as commands; `measuring` runs one and reads
what it left: times, taken inside the measured processes by `stopwatch`, and `answers`. `session`
measures case after case, and `report` says what came out. `pipeline` and `memory` measure what
stands around an engine: the account of `evalboard run --once`, and how much `evalboard up` holds.

The processes that are measured are the only ones that may be busy meanwhile: this one imports
neither lm_eval nor torch.
"""
