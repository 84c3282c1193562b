"""The checks of a submission, before it uses an engine.

`checks` lists and runs all checks and makes the report. Each check is a module with
`check(evidence) -> Outcome`. `subject` is the checked submission, and `evidence` the data for the
checks. `documents`, `model_card`, `headers`, `index` and `tensors` read hostile files within
limits, and `child` loads files in a confined process. docs/design/validation.md lists the codes of
all findings.

Strangers write submissions and repositories. No check trusts a size, a type or a name, and none
fails on any content: an unreadable file is a finding.
"""
