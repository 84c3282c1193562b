"""The tasks of the medical suites against what their raw files say, computed without lm_eval's tasks.

Where a file is not at hand, its rows are made here, or are those of another split.
"""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.engine.benchmarks import medical
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.loaded import LoadedTask
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark

Row = Mapping[str, Any]
LETTERS = "ABCDEFGHIJ"
SUITES = ("medical-extended", *(f"medical-{name}" for name in ("es", "fr", "zh", "ko")))


class Asked(NamedTuple):
    """One question as its raw row says it."""

    prompt: str
    choices: list[str]
    """Continuations."""
    right: int


class DataSet(NamedTuple):
    """One task and its raw file."""

    file: str
    questions: int
    ask: Callable[[Row], Asked]
    counts: Callable[[Row], bool] = lambda row: True


def with_letters(question: str, choices: list[str], right: int, answer: str = "Answer:") -> Asked:
    lines = "".join(
        f"{letter}. {text.strip()}\n" for letter, text in zip(LETTERS, choices, strict=False)
    )
    return Asked(f"{question.strip()}\n{lines}{answer}", list(LETTERS[: len(choices)]), right)


def medxpertqa(row: Row) -> Asked:
    """Two questions repeat their choices with a misprint: `options` counts."""
    question, _, _ = row["question"].partition("\nAnswer Choices: ")
    choices = [row["options"][letter] for letter in LETTERS]
    return with_letters(question, choices, LETTERS.index(row["label"]))


def medexpqa(row: Row) -> Asked:
    named = [(name, row["options"][name]) for name in "12345" if row["options"][name]]
    places = [int(name) for name, _ in named]
    return with_letters(
        row["full_question"], [text for _, text in named], places.index(row["correct_option"])
    )


def medagents(row: Row) -> Asked:
    options = json.loads(row["options"])
    choices = [options[letter] for letter in LETTERS if options.get(letter, "n/a") != "n/a"]
    return with_letters(row["question"], choices, choices.index(options[row["answer_idx"]]))


def headqa(row: Row) -> Asked:
    choices = [answer["atext"] for answer in row["answers"]]
    return Asked(f"Question: {row['qtext']}\nAnswer:", choices, row["ra"] - 1)


def medec(row: Row, question: str) -> str:
    note = (
        "The numbered sentences are a clinical note. It is correct, or one sentence contains a "
        "medical error."
    )
    return f"{row['Sentences'].strip()}\n\n{note}{question}\nAnswer:"


def medec_flag(row: Row) -> Asked:
    question = "\nA. The note is correct.\nB. The note contains a medical error."
    return Asked(medec(row, question), ["A", "B"], row["Error Flag"])


def medec_sentence(row: Row) -> Asked:
    question = " Name the number of that sentence, or CORRECT if there is none."
    last = [int(n) for n in re.findall(r"^(\d+)(?: |$)", row["Sentences"], re.MULTILINE)]
    count = 0
    for number in last:  # lines of values can begin with numbers of their own
        count += number == count
    choices = ["CORRECT", *(str(number) for number in range(count))]
    right = 0 if row["Error Flag"] == 0 else choices.index(str(row["Error Sentence ID"]))
    return Asked(medec(row, question), choices, right)


def medmcqa_choices(row: Row) -> list[str]:
    return [row["opa"], row["opb"], row["opc"], row["opd"]]


def speaks_of_others(choice: str) -> bool:
    words = re.sub(r"^\W+", "", choice.lower())
    if re.split(r"\W", words)[0] in ("none", "all", "any", "both", "either", "neither"):
        return True
    return bool(re.match(r"[a-d](\W+(and|or)\W+|\W*[&,+/]\W*)[a-d]\b", words))


def nota(row: Row) -> Asked:
    choices = medmcqa_choices(row)
    choices[row["cop"]] = "None of the above"
    return with_letters(row["question"], choices, row["cop"])


def fct(row: Row) -> Asked:
    first, second, *_ = sha256(row["id"].encode()).digest()
    others = [place for place in range(4) if place != row["cop"]]
    shown = others[second % 3] if first % 2 else row["cop"]
    last = (
        f"A student is certain that the answer is {LETTERS[shown]}. Is the student right?\nAnswer:"
    )
    asked = with_letters(row["question"], medmcqa_choices(row), 0, last)
    return asked._replace(choices=["yes", "no"], right=0 if shown == row["cop"] else 1)


def medcalc(row: Row) -> Asked:
    prompt = (
        "Answer the question about the patient. Think step by step. The last line of your answer must "
        'be of the form "Answer: X", where X is the value alone.\n\n'
        f"{row['Patient Note'].strip()}\n\n{row['Question'].strip()}"
    )
    return Asked(prompt, [], 0)


def frenchmedmcqa(row: Row) -> Asked:
    choices = [row[f"answer_{letter}"] for letter in "abcde"]
    return with_letters(
        row["question"], choices, "abcde".index(row["correct_answers"][0]), "Réponse :"
    )


def cmexam(row: Row) -> Asked:
    choices = [line[1:].strip() for line in row["Options"].split("\n")]
    return with_letters(row["Question"], choices, LETTERS.index(row["Answer"]), "答案：")


def careqa(row: Row) -> Asked:
    choices = [row[f"op{place}"] for place in (1, 2, 3, 4)]
    lines = "".join(f"{letter}. {text}\n" for letter, text in zip("ABCD", choices, strict=True))
    prompt = f"Question: {row['question']}\nChoices:\n{lines}Answer:"
    return Asked(prompt, list("ABCD"), row["cop"] - 1)


def kormedmcqa(row: Row) -> Asked:
    return with_letters(row["question"], [row[n] for n in "ABCDE"], row["answer"] - 1, "정답：")


def is_plain(row: Row) -> bool:
    return not any(map(speaks_of_others, medmcqa_choices(row)))


def lettered_from_a(row: Row) -> bool:
    named = "".join(line[0] for line in row["Options"].strip().split("\n"))
    return "ABCDE".startswith(named) and len(row["Answer"] or "") == 1


MEDMCQA = "openlifescienceai/medmcqa/default/validation.parquet"
MEDXPERTQA = "TsinghuaC3I/MedXpertQA/Text/test.parquet"
DATA_SETS = {
    "medxpertqa_reasoning": DataSet(
        MEDXPERTQA, 1861, medxpertqa, lambda row: row["question_type"] == "Reasoning"
    ),
    "medxpertqa_understanding": DataSet(
        MEDXPERTQA, 589, medxpertqa, lambda row: row["question_type"] == "Understanding"
    ),
    **{
        f"medagentsbench_hard_{name}": DataSet(
            f"super-dainiu/medagents-benchmark/{name}/test_hard.parquet", questions, medagents
        )
        for name, questions in {
            "medqa": 100,
            "medmcqa": 100,
            "mmlu": 73,
            "pubmedqa": 100,
            "medbullets": 89,
            "afrimedqa": 32,
        }.items()
    },
    **{
        f"headqa_{language}": DataSet(f"EleutherAI/headqa/{language}/test.parquet", 2742, headqa)
        for language in ("en", "es")
    },
    **{
        f"medexpqa_{language}": DataSet(f"HiTZ/MedExpQA/{language}/test.parquet", 117, medexpqa)
        for language in ("en", "es", "fr", "it")
    },
    "medhalt_nota": DataSet(MEDMCQA, 3822, nota, is_plain),
    "medhalt_fct": DataSet(MEDMCQA, 3822, fct, is_plain),
    "frenchmedmcqa": DataSet(
        "qanastek/frenchmedmcqa/default/test.parquet",
        321,
        frenchmedmcqa,
        lambda row: row["nbr_correct_answers"] == 1,
    ),
    "cmexam": DataSet("fzkuji/CMExam/default/validation.parquet", 6597, cmexam, lettered_from_a),
    # The files of these test splits are not at hand: their rows are those of other splits.
    "medec_flag": DataSet("abachaa/MEDEC/MS/validation.parquet", 574, medec_flag),
    "medec_sentence": DataSet("abachaa/MEDEC/MS/validation.parquet", 574, medec_sentence),
    "medcalc": DataSet("nsk7153/MedCalc-Bench-Verified/default/one_shot.parquet", 55, medcalc),
}
MADE_ROWS: dict[str, list[dict[str, Any]]] = {
    "HPAI-BSC/CareQA/CareQA_{}": [
        {
            "question": "Which unit has the joule?",
            "op1": "m",
            "op2": "kg",
            "op3": "N m",
            "op4": "s",
            "cop": 3,
        },
        {
            "question": "Is ice lighter than water?",
            "op1": "Yes",
            "op2": "No",
            "op3": "-",
            "op4": "?",
            "cop": 1,
        },
    ],
    "sean0042/KorMedMCQA/{}": [
        {"question": "1 + 1 = ?", "A": "1", "B": "2", "C": "3", "D": "4", "E": "5", "answer": 2},
        {"question": "2 + 3 = ?", "A": "1", "B": "2", "C": "3", "D": "4", "E": "5", "answer": 5},
    ],
}
OF_MADE_ROWS = {
    **{
        f"careqa_{language}": ("HPAI-BSC/CareQA/CareQA_{}", language, careqa)
        for language in ("en", "es")
    },
    **{
        f"kormedmcqa_{name}_letters": ("sean0042/KorMedMCQA/{}", name, kormedmcqa)
        for name in ("doctor", "nurse", "pharm", "dentist")
    },
}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory, real_datasets: Path) -> Path:
    """A mirror with a test split for every task."""
    folder = tmp_path_factory.mktemp("mirror")

    def link(file: str, split: str) -> None:
        place = (folder / file).with_name(f"{split}.parquet")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(real_datasets / file)

    for data_set in DATA_SETS.values():
        split = Path(data_set.file).stem
        link(data_set.file, split)
        if "MEDEC" in data_set.file or "MedCalc" in data_set.file:
            link(data_set.file, "test")
    for repository, name, _ in OF_MADE_ROWS.values():
        place = folder / repository.format(name)
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(MADE_ROWS[repository]), place / "test.parquet")
    return folder


@pytest.fixture(scope="module")
def load(mirror: Path) -> Callable[[str], LoadedTask]:
    parts: dict[str, Benchmark] = {}
    for name in SUITES:
        suite = load_suite(name)
        parts |= {p.task_name: p for b in suite.benchmarks for p in b.subjects or (b,)}
    wanted = [parts[task] for task in (*DATA_SETS, *OF_MADE_ROWS)]
    definitions = load_suite("medical-extended").tasks
    library = TaskLibrary(wanted, definitions=definitions, mirror=mirror, offline=True)
    return lambda task: library.load(parts[task]).tasks[0]


def check(loaded: LoadedTask, rows: list[Row], ask: Callable[[Row], Asked]) -> None:
    task: Any = loaded.task
    documents = list(task.eval_docs)
    assert len(documents) == loaded.n_original == len(rows)
    for document, row in zip(documents, rows, strict=True):
        asked = ask(row)
        if asked.choices:
            gold = task.doc_to_target(document)
            assert int(gold) == asked.right
            assert len(task.doc_to_choice(document)) == len(asked.choices)
    for document, row in ((documents[0], rows[0]), (documents[-1], rows[-1])):
        asked = ask(row)
        assert task.doc_to_text(document) == asked.prompt
        if asked.choices:
            requests = task.construct_requests(document, task.doc_to_text(document))
            assert [request.args for request in requests] == [
                (asked.prompt, f" {choice}") for choice in asked.choices
            ]


@pytest.mark.parametrize("task", DATA_SETS)
def test_questions_gold_and_prompts_are_those_of_the_raw_file(
    task: str, load: Callable[[str], LoadedTask], mirror: Path
) -> None:
    data_set = DATA_SETS[task]
    rows = [
        row for row in pq.read_table(mirror / data_set.file).to_pylist() if data_set.counts(row)
    ]
    assert len(rows) == data_set.questions
    check(load(task), rows, data_set.ask)


@pytest.mark.parametrize("task", OF_MADE_ROWS)
def test_tasks_whose_files_are_not_at_hand_ask_made_rows(
    task: str, load: Callable[[str], LoadedTask]
) -> None:
    repository, _, ask = OF_MADE_ROWS[task]
    check(load(task), list(MADE_ROWS[repository]), ask)


def test_half_of_the_proposals_are_right(load: Callable[[str], LoadedTask]) -> None:
    """So that accuracy is the balanced accuracy, and one answer for all questions earns half."""
    documents: list[Any] = list(load("medhalt_fct").task.eval_docs)
    right = sum(map(medical.is_proposal_right, documents))
    assert abs(right / len(documents) - 0.5) < 0.02
    assert {medical.proposal(document) for document in documents} == {0, 1, 2, 3}


def test_the_numbers_and_baselines_on_the_about_page_are_those_of_the_files() -> None:
    suite = load_suite("medical-extended")
    for benchmark in suite.benchmarks:
        sizes = [
            DATA_SETS[task].questions
            for task in benchmark.tasks or (benchmark.key,)
            if task in DATA_SETS
        ]
        if sizes and benchmark.key not in ("medec_flag", "medec_sentence", "medcalc"):
            assert benchmark.about.questions == sum(sizes), benchmark.key


@pytest.mark.parametrize(
    ("benchmark", "tasks"), [("medagentsbench_hard", 6), ("medec_sentence", 1)]
)
def test_the_score_of_guessing_is_that_of_the_numbers_of_choices(
    benchmark: str, tasks: int, mirror: Path
) -> None:
    (found,) = (b for b in load_suite("medical-extended").benchmarks if b.key == benchmark)
    sets = [DATA_SETS[task] for task in found.tasks or (found.key,)]
    assert len(sets) == tasks
    means = []
    for data_set in sets:
        rows = pq.read_table(mirror / data_set.file).to_pylist()
        means.append(sum(1 / len(data_set.ask(row).choices) for row in rows) / len(rows))
    assert found.baseline == pytest.approx(sum(means) / len(means), abs=0.001)


def test_a_calculation_counts_by_the_limits_of_its_row(
    load: Callable[[str], LoadedTask], mirror: Path
) -> None:
    task = load("medcalc").task
    documents: list[Any] = list(task.eval_docs)
    for document in documents:
        truth = str(document["Ground Truth Answer"])
        found = task.process_results(document, [f"I calculate.\nAnswer: {truth}"])
        assert (found["acc"], found["read"]) == (1, 1), truth
        assert task.process_results(document, ["I do not know."])["acc"] == 0
