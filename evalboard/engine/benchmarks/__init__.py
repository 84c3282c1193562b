"""What a benchmark asks of a model, and what the answers are worth.

`library` reads a suite's benchmarks with lm-eval (`definitions` finds their files, `mirror` and
`harness` their questions), `prompts` looks at what is asked. `answering` asks one benchmark's
questions and keeps the answers in an `answer_log`; `scoring` turns them into a score and `details`
into a row for each question.
"""
