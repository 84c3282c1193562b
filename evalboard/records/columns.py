"""The columns of the board: each is described here, once, for the table, the page and programs.

A column that a result document's `config` has under the same name needs nothing else; what is
computed is computed in `evalboard.board.table`.
"""

from typing import Literal, NamedTuple

Kind = Literal[
    "model",
    "text",
    "code",
    "type",
    "time",
    "yes",
    "flags",
    "average",
    "share",
    "points",
    "params",
    "amount",
    "count",
]
"""What a column holds, and so how the table stores it and how the page draws it."""


class Column(NamedTuple):
    """One column of the board beside those of its benchmarks."""

    key: str
    """Name in `board.parquet` and in the page's address."""
    kind: Kind
    title: str = ""
    """Head of the column, in English. Empty: the page does not show it as a column."""
    shown: Literal["always", "usually", "on demand"] = "on demand"
    width: int = 104
    """On the page, in pixels."""
    group: Literal["model", "evaluation"] = "model"
    """Where the page's menu of columns lists it."""


COLUMNS: tuple[Column, ...] = (
    Column("model", "model", "Model", "always", 344),
    Column("model_type", "type", "Type", "usually", 166),
    Column("average", "average", "Average", "always", 116),
    Column(
        "strict_accuracy",
        "share",
        "Strict accuracy",
        "usually",
        group="evaluation",
    ),
    Column("read_share", "share", "Read", "usually", group="evaluation"),
    Column(
        "unfinished_share",
        "share",
        "Unfinished",
        "usually",
        116,
        group="evaluation",
    ),
    Column(
        "median_tokens",
        "count",
        "Tokens, median",
        "usually",
        120,
        group="evaluation",
    ),
    Column(
        "p95_tokens",
        "count",
        "Tokens, 95 %",
        "usually",
        120,
        group="evaluation",
    ),
    Column(
        "right_under_all",
        "share",
        "Right every time",
        width=140,
        group="evaluation",
    ),
    Column("flip_rate", "share", "Flip rate", group="evaluation"),
    Column("position_bias", "share", "Position bias", group="evaluation"),
    Column(
        "spread",
        "share",
        "Spread of runs",
        width=120,
        group="evaluation",
    ),
    Column(
        "original_advantage",
        "amount",
        "Advantage in the original order",
        width=150,
        group="evaluation",
    ),
    Column(
        "original_z",
        "amount",
        "Advantage in standard errors",
        width=150,
        group="evaluation",
    ),
    Column(
        "blind_advantage",
        "amount",
        "Advantage over guessing without the question",
        width=170,
        group="evaluation",
    ),
    Column(
        "blind_z",
        "amount",
        "Its distance from the other rows, in deviations",
        width=170,
        group="evaluation",
    ),
    Column(
        "points_over_loglikelihood",
        "points",
        "Difference to log-likelihood, points",
        "usually",
        148,
        group="evaluation",
    ),
    Column("average__rank", "count"),
    Column("average__rank_low", "count"),
    Column("average__rank_high", "count"),
    Column("precision", "text", "Precision", "usually"),
    Column("params_billion", "params", "Parameters", "usually", 116),
    Column("license", "text", "Licence", "usually", 132),
    Column("architecture", "text", "Architecture", width=210),
    Column("sha", "code", "Revision", "usually"),
    Column("base_model", "text", "Base model", width=240),
    Column("weight_type", "text", "Weights", width=100),
    Column("merged", "yes", "Merged", width=116),
    Column("moe", "yes", "Mixture of experts", width=116),
    Column("likes", "count", "Hearts on the Hub", width=116),
    Column("use_chat_template", "yes", "Chat template", group="evaluation"),
    Column("enable_thinking", "yes", "Thinking", group="evaluation"),
    Column("flags", "flags", "Flags", width=200, group="evaluation"),
    Column("submitted_time", "time", "Submitted", width=116, group="evaluation"),
    Column("finished_time", "time", "Evaluated", width=116, group="evaluation"),
    Column("sender", "text", "Submitted by", width=140, group="evaluation"),
    Column(
        "n_benchmarks",
        "count",
        "Benchmarks with a score",
        width=120,
        group="evaluation",
    ),
    Column("backend", "text", "Backend", width=96, group="evaluation"),
    Column("lm_eval_version", "text", "lm-eval", width=96, group="evaluation"),
    Column("hours", "amount", "Hours", group="evaluation"),
    Column("gpu_hours", "amount", "GPU hours", group="evaluation"),
    Column("energy_kwh", "amount", "Energy, kWh", width=120, group="evaluation"),
    Column(
        "energy_estimated",
        "yes",
        "Energy estimated",
        width=120,
        group="evaluation",
    ),
    Column("prompt_tokens", "count", "Tokens read", width=120, group="evaluation"),
    Column(
        "generated_tokens",
        "count",
        "Tokens generated",
        width=120,
        group="evaluation",
    ),
    Column("org", "text"),
    Column("former_names", "flags"),
    Column("apart", "flags"),
    Column("unpaired", "flags"),
    Column("complete", "yes"),
    Column("ranked", "yes"),
)
"""In the order of the page; the benchmarks' own follow the average there."""

MODEL_COLUMNS: tuple[str, ...] = tuple(column.key for column in COLUMNS)
"""Columns before those of the benchmarks. Each benchmark `b` adds `b` (fraction in [0, 1] or null),
`b__stderr`, `b__low`, `b__high` (95 % interval), `b__n` (questions), `b__normalised`, `b__rank`,
`b__rank_low` and `b__rank_high` (the range in which the rank is certain); after them
each subject `s` of a group adds `s`, `s__stderr`, `s__n`.
"""

IN_WORDS_SUFFIXES: tuple[str, ...] = (
    "__strict",
    "__read",
    "__unfinished",
    "__median_tokens",
    "__p95_tokens",
)
"""Further columns of each benchmark of a suite that asks for answers in words."""
ROBUSTNESS_SUFFIXES: tuple[str, ...] = (
    "__right_under_all",
    "__flip_rate",
    "__position_bias",
    "__spread",
    "__original_advantage",
    "__original_z",
)
"""Further columns of each benchmark that asks its questions several times."""
POINTS_SUFFIX = "__points_over_loglikelihood"
"""Further column of each benchmark of a suite that is compared with another one."""
RANK_SUFFIXES: tuple[str, ...] = ("__rank", "__rank_low", "__rank_high")
SCORE_SUFFIXES: tuple[str, ...] = ("", "__stderr", "__low", "__high", "__n", "__normalised")
BENCHMARK_SUFFIXES: tuple[str, ...] = SCORE_SUFFIXES + RANK_SUFFIXES
SUBJECT_SUFFIXES: tuple[str, ...] = ("", "__stderr", "__n")

FLAGS: tuple[str, ...] = (
    "answers_without_question",
    "copy",
    "cut_questions",
    "flagged",
    "format_or_limit",
    "mixed_backends",
    "mixed_base_models",
    "mixed_harness",
    "mixed_readers",
    "mixed_templates",
    "not_on_hub",
    "other_backend_version",
    "other_questions",
    "other_reader",
    "other_task_version",
    "small_budget",
    "suspected_contamination",
    "unfinished_thinking",
)
"""Marks that a row can have; `evalboard.board.flags` says when."""
