import io
import json
from datetime import UTC, datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest

from evalboard.board.rows import read_attempts
from evalboard.board.statistics import normal_interval, wilson_interval
from evalboard.board.table import board_files, build_board, content_hash, to_parquet
from evalboard.records.board_files import BoardMeta
from evalboard.records.columns import BENCHMARK_SUFFIXES, MODEL_COLUMNS, SUBJECT_SUFFIXES
from evalboard.records.result import Seconds
from evalboard.records.spent import Usage
from evalboard.suites.generation import GenerationPolicy

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture
def board_of(suite):
    def build(documents, *, revision="r1", now=NOW):
        return build_board(read_attempts(documents, suite), suite, revision=revision, now=now)

    return build


@pytest.fixture
def documents(document):
    """Two complete models and two that lack a benchmark."""
    return [
        document({"doses": 0.9}, model_name="org/half", params_billion=7.0),
        document({"anatomy": 0.3, "doses": 0.1}, model_name="org/low", stderr=0.02),
        document({"anatomy": 0.6, "doses": 0.5}, model_name="org/high", questions="other"),
        document({"anatomy": 0.9}, model_name="another/half"),
    ]


def test_the_columns_are_those_of_the_contract(board_of, documents):
    frame = board_of(documents).frame

    benchmarks = [key + suffix for key in ("anatomy", "doses") for suffix in BENCHMARK_SUFFIXES]
    assert list(frame.columns) == [*MODEL_COLUMNS, *benchmarks]


def test_complete_rows_come_first_by_average_then_the_rest_by_model(board_of, documents):
    frame = board_of(documents).frame

    assert frame["model"].tolist() == ["org/high", "org/low", "another/half", "org/half"]
    assert frame["complete"].tolist() == [True, True, False, False]
    assert frame["n_benchmarks"].tolist() == [2, 2, 1, 1]
    assert frame["average"].isna().tolist() == [False, False, True, True]


def test_a_complete_row_without_one_right_answer_comes_before_incomplete_ones(board_of, document):
    frame = board_of(
        [
            document({"anatomy": 0.9}, model_name="org/a"),
            document({"anatomy": 0.0, "doses": 0.0}, model_name="org/b"),
        ]
    ).frame

    assert frame["model"].tolist() == ["org/b", "org/a"]


def test_rows_of_the_same_average_come_by_model_and_sha(board_of, document):
    scores = {"anatomy": 0.3, "doses": 0.1}
    frame = board_of(
        [
            document(scores, model_name="org/b"),
            document(scores, model_name="org/a", model_sha="b" * 40),
            document(scores, model_name="org/a", model_sha="a" * 40),
        ]
    ).frame

    assert frame["model"].tolist() == ["org/a", "org/a", "org/b"]
    assert frame["sha"].str[0].tolist() == ["a", "b", "a"]


def test_a_row_says_what_was_evaluated_and_how(board_of, document):
    about = {
        "model_type": "fine-tuned",
        "base_model": "org/base",
        "architecture": "LlamaForCausalLM",
        "params_billion": 7.2,
        "license": "mit",
        "merged": True,
        "moe": False,
        "use_chat_template": True,
        "submitted_time": "2026-11-20T10:00:00Z",
        "sender": "someone",
    }
    made = document({"anatomy": 0.6, "doses": 0.5}, weight_type="Adapter", **about)
    row = board_of([made]).frame.iloc[0].to_dict()

    assert row.items() >= about.items()
    assert (row["model"], row["org"], row["sha"]) == ("org/model", "org", "a" * 40)
    assert (row["precision"], row["weight_type"]) == ("float16", "Adapter")
    assert row["finished_time"] == "2026-11-21T10:00:00Z"
    assert (row["backend"], row["lm_eval_version"], row["flags"]) == ("vllm", "0.4.13", [])


def test_the_cells_of_a_benchmark(board_of, document):
    row = board_of([document({"anatomy": 0.4}, n=250)]).frame.iloc[0]

    assert row["anatomy"] == 0.4
    assert pd.isna(row["anatomy__stderr"])
    assert (row["anatomy__low"], row["anatomy__high"]) == wilson_interval(0.4, 250)
    assert row["anatomy__n"] == 250
    assert row["anatomy__normalised"] == pytest.approx(0.2)
    assert row[["doses" + suffix for suffix in BENCHMARK_SUFFIXES]].isna().all()


def test_a_known_standard_error_makes_the_interval(board_of, document):
    row = board_of([document({"anatomy": 0.4}, stderr=0.001)]).frame.iloc[0]

    assert row["anatomy__stderr"] == 0.001
    assert row["anatomy__low"] == pytest.approx(0.398, abs=1e-4)
    assert row["anatomy__high"] == pytest.approx(0.402, abs=1e-4)


def test_all_answers_right_is_not_beyond_doubt(board_of, document):
    row = board_of([document({"anatomy": 1.0}, stderr=0.0, n=20)]).frame.iloc[0]

    assert row["anatomy__low"] == pytest.approx(0.8389, abs=5e-5)


def test_a_row_of_two_harnesses_names_both(board_of, document):
    frame = board_of(
        [
            document({"anatomy": 0.4}, finished="2026-11-01T00:00:00Z"),
            document({"doses": 0.4}, backend="hf", lm_eval_version="0.4.12"),
        ]
    ).frame

    assert frame.loc[0, ["backend", "lm_eval_version"]].tolist() == ["hf, vllm", "0.4.12, 0.4.13"]
    assert frame.loc[0, "flags"] == ["mixed_backends", "mixed_harness"]


def test_the_parquet_file_reads_back_as_the_table(board_of, documents):
    frame = board_of(documents).frame
    back = pd.read_parquet(io.BytesIO(to_parquet(frame)))

    back["flags"] = back["flags"].map(list)
    pd.testing.assert_frame_equal(back, frame)


def test_a_row_shows_what_its_scores_have_cost_once_all_is_known(board_of, document):
    def cost(*keys):
        made = document({"anatomy": 0.3, "doses": 0.1})
        block = {
            "engine_settings": {"device": "cuda", "tensor_parallel": 2},
            "seconds": Seconds(score=dict.fromkeys(keys, 1800.0)),
            "usage": {
                key: Usage(energy_wh=500, energy_is_estimated=key == "doses", prompt_tokens=30)
                for key in keys
            },
        }
        paid = made.model_copy(update={"evalboard": made.evalboard.model_copy(update=block)})
        row = board_of([paid]).frame.iloc[0]
        tokens = ["prompt_tokens", "generated_tokens"]
        return row[["hours", "gpu_hours", "energy_kwh", "energy_estimated", *tokens]]

    assert cost("anatomy", "doses").tolist()[:5] == [1.0, 2.0, 1.0, True, 60]
    assert pd.isna(cost("anatomy", "doses")["generated_tokens"])
    assert cost("anatomy").isna().all()


def test_no_documents_give_an_empty_table_of_the_same_types(board_of, documents):
    empty, full = board_of([]), board_of(documents)

    assert len(empty.frame) == 0
    assert empty.frame.dtypes.equals(full.frame.dtypes)
    assert pq.read_schema(io.BytesIO(to_parquet(empty.frame))) == pq.read_schema(
        io.BytesIO(to_parquet(full.frame))
    )
    assert [benchmark.n for benchmark in empty.meta.benchmarks] == [None, None]


def test_the_description_of_the_board(board_of, documents):
    meta = board_of(documents).meta

    assert (meta.suite, meta.title) == ("small", "Small board")
    assert (meta.revision, meta.built_at) == ("r1", "2026-11-21T10:00:00Z")
    assert meta.benchmarks[1].model_dump() == {
        "key": "doses",
        "title": "Doses",
        "group": "",
        "n": 100,
        "fewshot": 5,
        "metric": "exact_match,strict-match",
        "baseline": 0.0,
        "share": 0.5,
        "smallest_difference": pytest.approx(0.104, abs=1e-3),
        "subjects": (),
    }


def test_the_number_of_questions_is_that_of_most_models_or_the_larger(board_of, document):
    counts = [90, 100, 100, 120, 120]
    meta = board_of(
        [document({"anatomy": 0.5}, model_name=f"org/m{i}", n=n) for i, n in enumerate(counts)]
    ).meta

    assert meta.benchmarks[0].n == 120


def test_the_same_documents_in_any_order_give_the_same_files(board_of, documents):
    assert board_files(board_of(documents)) == board_files(board_of(documents[::-1]))


def test_when_and_from_what_a_board_was_built_is_not_its_content(board_of, documents):
    later = board_of(documents, revision="r2", now=NOW.replace(year=2027))

    assert later.meta.content_hash == board_of(documents).meta.content_hash


def test_the_content_hash_is_that_of_the_stored_table(board_of, documents):
    files = board_files(board_of(documents))
    meta = BoardMeta.model_validate_json(files["board.json"])
    frame = pd.read_parquet(io.BytesIO(files["board.parquet"]))

    assert content_hash(frame, meta) == meta.content_hash


@pytest.mark.parametrize("column", ["anatomy", "flags", "sender", "doses__n", "complete"])
def test_every_kind_of_cell_counts_in_the_content_hash(board_of, documents, column):
    board = board_of(documents)
    frame = board.frame.copy()
    frame.at[0, column] = {
        "anatomy": 0.6000000000000001,
        "flags": ["mixed_harness"],
        "sender": "x",
        "doses__n": 101,
        "complete": False,
    }[column]

    assert content_hash(frame, board.meta) != board.meta.content_hash


def test_the_description_counts_in_the_content_hash(board_of, documents):
    board = board_of(documents)
    renamed = board.meta.model_copy(update={"title": "Another title"})

    assert content_hash(board.frame, renamed) != board.meta.content_hash


def test_the_description_file_is_readable_json(board_of, documents):
    board = board_of(documents)
    content = json.loads(board_files(board)["board.json"])

    assert BoardMeta.model_validate(content) == board.meta


GROUP = {"mmlu": 0.3, "mmlu_anatomy": 0.2, "mmlu_virology": 0.4}


def test_a_group_is_one_benchmark_and_shows_its_subjects(grouped_suite, grouped_document):
    documents = [
        grouped_document(GROUP | {"doses": 0.5}, stderr=0.03, n=50),
        grouped_document({"doses": 0.9, "mmlu_anatomy": 0.9}, model_name="org/half"),
    ]
    board = build_board(
        read_attempts(documents, grouped_suite), grouped_suite, revision="r1", now=NOW
    )
    whole, half = (board.frame.loc[place] for place in (0, 1))

    assert list(board.frame.columns) == [
        *MODEL_COLUMNS,
        *(f"doses{suffix}" for suffix in BENCHMARK_SUFFIXES),
        *(f"mmlu{suffix}" for suffix in BENCHMARK_SUFFIXES),
        *(f"mmlu_anatomy{suffix}" for suffix in SUBJECT_SUFFIXES),
        *(f"mmlu_virology{suffix}" for suffix in SUBJECT_SUFFIXES),
    ]
    assert whole["average"] == pytest.approx((0.5 + 0.3) / 2)
    assert (whole["n_benchmarks"], whole["complete"], whole["flags"]) == (2, True, [])
    assert (whole["mmlu"], whole["mmlu__stderr"], whole["mmlu__n"]) == (0.3, 0.03, 100)
    assert (whole["mmlu__low"], whole["mmlu__high"]) == normal_interval(0.3, 0.03)
    assert whole["mmlu__normalised"] == pytest.approx((0.3 - 0.25) / 0.75)
    columns = [f"mmlu_virology{suffix}" for suffix in SUBJECT_SUFFIXES]
    assert whole[columns].tolist() == [0.4, 0.03, 50]
    # A subject alone, as somebody may have run it, is no part of any mean on the board.
    assert (half["n_benchmarks"], half["complete"]) == (1, False)
    assert half[["mmlu", "mmlu_anatomy", "mmlu_virology"]].isna().all()


def test_the_description_names_the_subjects_of_a_group(grouped_suite, grouped_document):
    board = build_board(
        read_attempts([grouped_document(GROUP, n=50)], grouped_suite),
        grouped_suite,
        revision="r1",
        now=NOW,
    )
    doses, mmlu = board.meta.benchmarks

    assert doses.subjects == ()
    assert (mmlu.key, mmlu.n) == ("mmlu", 100)
    assert [subject.model_dump() for subject in mmlu.subjects] == [
        {"key": "mmlu_anatomy", "title": "MMLU: anatomy", "n": 50},
        {"key": "mmlu_virology", "title": "MMLU: virology", "n": 50},
    ]
    files = board_files(board)
    frame = pd.read_parquet(io.BytesIO(files["board.parquet"]))
    assert content_hash(frame, BoardMeta.model_validate_json(files["board.json"])) == (
        board.meta.content_hash
    )


def test_a_group_without_a_standard_error_has_the_interval_of_its_questions(
    grouped_suite, grouped_document
):
    documents = [
        grouped_document(GROUP, n=50),
        grouped_document(dict.fromkeys(GROUP, 1.0), stderr=0.0, n=50, model_name="org/perfect"),
    ]
    board = build_board(
        read_attempts(documents, grouped_suite), grouped_suite, revision="r1", now=NOW
    )
    intervals = board.frame[["mmlu__low", "mmlu__high"]].itertuples(index=False, name=None)

    assert list(intervals) == [wilson_interval(0.3, 100), wilson_interval(1.0, 100)]


def test_another_version_of_one_subject_is_marked(grouped_suite, grouped_document):
    usual = [grouped_document(GROUP, model_name=f"org/m{number}") for number in range(2)]
    other = grouped_document(GROUP, model_name="org/other")
    other = other.model_copy(update={"versions": other.versions | {"mmlu_virology": 2.0}})
    board = build_board(
        read_attempts([*usual, other], grouped_suite), grouped_suite, revision="r1", now=NOW
    )

    assert board.frame["flags"].tolist() == [[], [], ["other_task_version"]]


HUGE = 10**400


@pytest.mark.parametrize(
    "strange",
    [
        {"anatomy": HUGE, "doses": 0.5},
        {"anatomy": 0.5, "doses": 0.5, "n": HUGE},
        {"anatomy": 0.5, "doses": 0.5, "n": 2**63},
        {"anatomy": 0.5, "doses": 0.5, "stderr": HUGE},
        {"anatomy": 0.5, "doses": 0.5, "version": [HUGE**20]},
    ],
)
def test_a_document_that_no_table_can_contain_hides_no_other(
    board_of, document, documents, strange, caplog
):
    scores = {key: strange[key] for key in ("anatomy", "doses")}
    more = {key: value for key, value in strange.items() if key not in scores}
    bad = document(scores, model_name="evil/model", **more)
    expected = board_of(documents)
    board = board_of([*documents, bad])
    models = list(board.frame["model"])
    assert [model for model in models if model != "evil/model"] == list(expected.frame["model"])
    board_files(board)
    assert "evil/model" not in models or "failed unexpectedly" not in caplog.text


def test_answers_in_words_have_columns_per_benchmark_and_per_row(suite, document):
    words = suite.model_copy(update={"generation": GenerationPolicy(max_tokens=4096)})
    made = document({benchmark.key: 0.5 for benchmark in words.benchmarks})
    results, configs = {}, {}
    for place, benchmark in enumerate(words.benchmarks):
        told = {"strict_acc,none": 0.4, "read,none": 0.8 + place / 10, "unfinished,none": 0.0}
        tokens = {"median_tokens,none": 100.5 + place, "p95_tokens,none": 300.0}
        results[benchmark.task_name] = made.results[benchmark.task_name] | told | tokens
        configs[benchmark.task_name] = {"generation_kwargs": {"max_gen_toks": 4096 - 96 * place}}
    made = made.model_copy(update={"results": results, "configs": configs})
    (record,) = build_board(
        read_attempts([made], words), words, revision="r", now=NOW
    ).frame.to_dict("records")
    count = len(words.benchmarks)
    assert record["strict_accuracy"] == pytest.approx(0.4)
    assert record["read_share"] == pytest.approx(0.8 + (count - 1) / 20)
    assert record["unfinished_share"] == 0
    assert (record["median_tokens"], record["p95_tokens"]) == (round(100.5 + (count - 1) / 2), 300)
    for place, benchmark in enumerate(words.benchmarks):
        assert record[f"{benchmark.key}__read"] == pytest.approx(0.8 + place / 10)
        assert record[f"{benchmark.key}__median_tokens"] == 100.5 + place
    assert ("small_budget" in record["flags"]) is (count > 1)
    assert ("format_or_limit" in record["flags"]) is (0.8 + (count - 1) / 20 < 0.9)
    assert (
        f"{words.benchmarks[0].key}__read"
        not in build_board(read_attempts([made], suite), suite, revision="r", now=NOW).frame
    )
