"""`evalboard bench`: the same model and the same questions with lm_eval and with evalboard.

`cases` defines the measurements, and `material` prepares them, with the models of `models` and the
task files of `mirrored`; `cutting` makes mirrors smaller. `programs` contains the four ways of evaluating, as commands. `measuring`
runs one and reads its times, taken inside the measured processes by `stopwatch`, and its `answers`.
`session` measures case after case, and `report` presents the results. `pipeline` and `memory`
measure the work around an engine: the durations in `evalboard run --once`, and the memory of
`evalboard up`.

Only the measured processes may be busy during the measurement: this one imports neither lm_eval nor
torch.
"""
