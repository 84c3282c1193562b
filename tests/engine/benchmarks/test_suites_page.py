"""`docs/suites.md` against the suite files and the definitions of their tasks."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.tasks._yaml_loader import load_yaml

from evalboard.engine.benchmarks.definitions import SHIPPED, find_definitions
from evalboard.engine.benchmarks.mirror import splits_of
from evalboard.suites.loader import load_suite, shipped_suites
from evalboard.suites.model import Benchmark

PAGE = Path(__file__).parents[3] / "docs" / "suites.md"
MEDICAL = [name for name in shipped_suites() if "medical" in name]
CHECKED = {"its files", "rows of another split", "made rows", "not run"}
LITERATURE = """
EMPEC; ClinBench-HPB; CUPCase; CMExam; TCM-Ladder; Polish Medical Exams; Named Clinical Entity Recognition;
LongHealth; MedExpQA; MedCaseReasoning; MEDEC; BRIDGE; MedS-Bench; GPT-4 on Medical Challenge Problems;
HealthQA-BR; MedAgentsBench; MEDIC; MedFuzz; Biomedical LLMs not superior; CliBench; MedCalc-Bench;
MedR-Bench; Med-PaLM and MultiMedQA; DiagnosisArena; African MMLU-Clinical; BiMediX; MedReview;
PersianMedQA; MedReason; Pocket Professional; Meerkat; ACI-Bench; MedVAL-Bench; o1 in medicine;
MediPhi and CLUE+; Explanatory argument extraction; Zhongjing, ChiMed-GPT and HuatuoGPT; CounselingBench;
MedXpertQA; HEAD-QA; CareQA; KorMedMCQA; MedConceptsQA; Medbullets; AfriMed-QA; MMLU-Pro Health; Med-HALT;
ReMedQA; MetaMedQA and Glianorex; IgakuQA; FrenchMedMCQA; HealthBench; Humanity's Last Exam and GPQA;
MedBookVQA; GMAI-MMBench; SemiHVision; MME-Finance; MultiMed; Lingshu; TemMed-Bench; EndoBench;
MedSG-Bench; BenchX; MedQ-Bench; Med-PaLM M; CXReasonBench; MedFrameQA; Hulu-Med; MME-SCI; MediConfusion;
SegBook; MMBench; CMMMU; MDI; PET2Rep; ShizhenGPT; AutoMIR and CMIRB; R2MED; PMC-Patients; Baichuan-M2;
Baichuan Alignment; OpenMedLM; Med-REFL; PET impressions; Eir; COVID-19 ICU; CT-RATE-JPN; LexEval
"""


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


@pytest.fixture(scope="module")
def defined() -> Callable[[Benchmark], dict[str, Any]]:
    """Definitions of the tasks of all medical suites, found at once."""
    suites = [load_suite(name) for name in MEDICAL]
    wanted = {_part(b).task_name for suite in suites for b in suite.benchmarks}
    own = dict.fromkeys(suite.tasks for suite in suites if suite.tasks)
    files = find_definitions(wanted, [*own, SHIPPED])
    return lambda benchmark: load_yaml(files[_part(benchmark).task_name], resolve_func=False)


def _part(benchmark: Benchmark) -> Benchmark:
    """Return a benchmark's task, the first one of a group."""
    return (benchmark.subjects or (benchmark,))[0]


@pytest.mark.parametrize("name", MEDICAL)
def test_the_page_says_what_the_suite_asks(
    name: str, defined: Callable[[Benchmark], dict[str, Any]]
) -> None:
    page = {row[1]: row[2:-1] for row in rows("What the suites ask") if row[0] == f"`{name}`"}
    suite = load_suite(name)
    assert list(page) == [f"`{benchmark.key}`" for benchmark in suite.benchmarks]
    for benchmark, said in zip(suite.benchmarks, page.values(), strict=True):
        about, task = benchmark.about, defined(benchmark)
        assert said == [
            benchmark.title,
            f"`{task['dataset_path']}`",
            about.license,
            f"{about.questions:,}" if about.questions else "–",
            splits_of(task).evaluation,
            f"`{benchmark.metric}`",
        ]


def test_the_page_has_every_column_once_and_says_what_it_was_checked_on() -> None:
    table = rows("What the suites ask")
    assert len({(row[0], row[1]) for row in table}) == len(table)
    assert {row[0].strip("`") for row in table} == set(MEDICAL)
    assert {row[-1] for row in table} == CHECKED


def test_no_benchmark_of_the_literature_is_left_out() -> None:
    listed = [
        *rows("Text benchmarks of the literature"),
        *rows("Benchmarks that the field uses beside them"),
        *rows("Not for this project"),
    ]
    names = " ".join(LITERATURE.split()).split("; ")
    assert [row[0] for row in listed] == names
    assert all(all(row) for row in listed)


def test_a_named_suite_asks_the_benchmark() -> None:
    """A row that names a suite has it right: the suite has a column of that name."""
    listed = rows("Text benchmarks of the literature")
    listed += rows("Benchmarks that the field uses beside them")
    for name, *_, where in listed:
        if where.startswith("no"):
            continue
        for suite in re.findall(r"`(medical-\w+)`", where):
            asked = load_suite(suite).model_dump_json().lower().replace("_", "").replace("-", "")
            assert name.lower().replace("-", "") in asked, (name, suite)
