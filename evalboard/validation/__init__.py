"""The checks on a submission, before it costs a second of an engine.

`checks` runs them all and makes the report. One module per check, each with
`check(evidence) -> Outcome`; the list stands in `checks`. `subject` is what is checked, `evidence`
what a check may look at. `documents`, `model_card`, `headers`, `index` and `tensors` read hostile
files within limits, and `child` has what must be loaded loaded by a confined process.
docs/design/validation.md lists every code of a finding.

A submission and everything in its repository is written by strangers. No check trusts a size, a
type or a name, and none fails on any content: what cannot be read is a finding.
"""
