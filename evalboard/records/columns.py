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
    "count",
]
"""What a column holds, and so how the table stores it and how the page draws it."""


class Title(NamedTuple):
    """The head of a column, in every language of the page."""

    en: str
    de: str


class Column(NamedTuple):
    """One column of the board beside those of its benchmarks."""

    key: str
    """Name in `board.parquet` and in the page's address."""
    kind: Kind
    title: Title | None = None
    """None: the page does not show it as a column."""
    shown: Literal["always", "usually", "on demand"] = "on demand"
    width: int = 104
    """On the page, in pixels."""
    group: Literal["model", "evaluation"] = "model"
    """Where the page's menu of columns lists it."""


COLUMNS: tuple[Column, ...] = (
    Column("model", "model", Title("Model", "Modell"), "always", 320),
    Column("model_type", "type", Title("Type", "Art"), "usually", 166),
    Column("average", "average", Title("Average", "Mittelwert"), "always"),
    Column(
        "strict_accuracy",
        "share",
        Title("Strict accuracy", "Strenge Genauigkeit"),
        "usually",
        group="evaluation",
    ),
    Column("read_share", "share", Title("Read", "Gelesen"), "usually", group="evaluation"),
    Column(
        "unfinished_share",
        "share",
        Title("Unfinished", "Unfertig"),
        "usually",
        116,
        group="evaluation",
    ),
    Column(
        "median_tokens",
        "count",
        Title("Tokens, median", "Tokens, Median"),
        "usually",
        120,
        group="evaluation",
    ),
    Column(
        "p95_tokens",
        "count",
        Title("Tokens, 95 %", "Tokens, 95 %"),
        "usually",
        120,
        group="evaluation",
    ),
    Column(
        "right_under_all",
        "share",
        Title("Right in all orders", "Richtig in jeder Reihenfolge"),
        width=140,
        group="evaluation",
    ),
    Column("flip_rate", "share", Title("Flip rate", "Wechselrate"), group="evaluation"),
    Column(
        "position_bias", "share", Title("Position bias", "Positionsneigung"), group="evaluation"
    ),
    Column(
        "spread",
        "share",
        Title("Spread of runs", "Streuung der Läufe"),
        width=120,
        group="evaluation",
    ),
    Column(
        "points_over_loglikelihood",
        "points",
        Title("Difference to log-likelihood, points", "Abstand zur Log-Likelihood, Punkte"),
        "usually",
        148,
        group="evaluation",
    ),
    Column("average__rank", "count"),
    Column("average__rank_low", "count"),
    Column("average__rank_high", "count"),
    Column("precision", "text", Title("Precision", "Genauigkeit"), "usually"),
    Column("params_billion", "params", Title("Parameters", "Parameter"), "usually", 116),
    Column("license", "text", Title("Licence", "Lizenz"), "usually", 132),
    Column("architecture", "text", Title("Architecture", "Architektur"), width=210),
    Column("sha", "code", Title("Revision", "Revision"), "usually"),
    Column("base_model", "text", Title("Base model", "Basismodell"), width=240),
    Column("weight_type", "text", Title("Weights", "Gewichte"), width=100),
    Column("merged", "yes", Title("Merged", "Zusammengeführt"), width=116),
    Column("moe", "yes", Title("Mixture of experts", "Mixture of Experts"), width=116),
    Column("use_chat_template", "yes", Title("Chat template", "Chat-Vorlage"), group="evaluation"),
    Column("enable_thinking", "yes", Title("Thinking", "Nachdenken"), group="evaluation"),
    Column("flags", "flags", Title("Flags", "Markierungen"), width=200, group="evaluation"),
    Column(
        "submitted_time", "time", Title("Submitted", "Eingereicht"), width=116, group="evaluation"
    ),
    Column(
        "finished_time", "time", Title("Evaluated", "Ausgewertet"), width=116, group="evaluation"
    ),
    Column(
        "sender", "text", Title("Submitted by", "Eingereicht von"), width=140, group="evaluation"
    ),
    Column(
        "n_benchmarks",
        "count",
        Title("Benchmarks with a score", "Benchmarks mit Ergebnis"),
        width=120,
        group="evaluation",
    ),
    Column("backend", "text", Title("Backend", "Backend"), width=96, group="evaluation"),
    Column("lm_eval_version", "text", Title("lm-eval", "lm-eval"), width=96, group="evaluation"),
    Column("org", "text"),
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
)
"""Further columns of each benchmark that asks its questions several times."""
POINTS_SUFFIX = "__points_over_loglikelihood"
"""Further column of each benchmark of a suite that is compared with another one."""
RANK_SUFFIXES: tuple[str, ...] = ("__rank", "__rank_low", "__rank_high")
SCORE_SUFFIXES: tuple[str, ...] = ("", "__stderr", "__low", "__high", "__n", "__normalised")
BENCHMARK_SUFFIXES: tuple[str, ...] = SCORE_SUFFIXES + RANK_SUFFIXES
SUBJECT_SUFFIXES: tuple[str, ...] = ("", "__stderr", "__n")

FLAGS: tuple[str, ...] = (
    "copy",
    "cut_questions",
    "flagged",
    "format_or_limit",
    "mixed_backends",
    "mixed_base_models",
    "mixed_harness",
    "mixed_readers",
    "mixed_templates",
    "other_backend_version",
    "other_questions",
    "other_reader",
    "other_task_version",
    "renamed",
    "small_budget",
    "unfinished_thinking",
)
"""Marks that a row can have; `evalboard.board.flags` says when."""
