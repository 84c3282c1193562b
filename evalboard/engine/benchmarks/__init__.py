"""The questions of benchmarks, and the scores of the answers.

`library` reads a suite's benchmarks with lm-eval (`definitions` finds their files, `mirror` their
questions; `harness` adapts lm-eval), and `prompts` inspects the prompts. `answering` asks one
benchmark's questions and keeps the answers in an `answer_log`. `scoring` computes a score from
them, and `details` a row for each question.
"""
