from evalboard.bench.cases import (
    QUICK_LIMITS,
    QUICK_SUBJECTS,
    SIZES_OF_DEVICE,
    USUAL_KINDS,
    plan_cases,
)
from evalboard.suites.loader import load_suite

MMLU = (
    "mmlu_anatomy",
    "mmlu_clinical_knowledge",
    "mmlu_college_biology",
    "mmlu_college_medicine",
    "mmlu_medical_genetics",
    "mmlu_professional_medicine",
)


def test_a_whole_run_asks_everything_of_both_models() -> None:
    suite = load_suite("open-medical")
    sizes = SIZES_OF_DEVICE["cpu"]
    cases = plan_cases(suite, kinds=USUAL_KINDS, sizes=sizes, quick=False, limit=None)
    assert [(case.name, case.model, case.num_fewshot) for case in cases] == [
        ("open-medical 0-shot", "random/llama-15M", 0),
        ("mmlu 5-shot", "random/llama-15M", 5),
        ("open-medical 0-shot", "random/llama-50M", 0),
        ("mmlu 5-shot", "random/llama-50M", 5),
    ]
    assert cases[0].benchmarks == tuple(benchmark.key for benchmark in suite.benchmarks)
    assert cases[1].benchmarks == MMLU
    assert {case.limit for case in cases} == {None}
    assert len({case.folder for case in cases}) == 4


def test_a_quick_run_asks_few_questions() -> None:
    suite = load_suite("open-medical")
    zero, five = plan_cases(suite, kinds=USUAL_KINDS, sizes=["15M"], quick=True, limit=None)
    assert (len(zero.benchmarks), zero.limit) == (9, QUICK_LIMITS["0-shot"])
    assert (five.benchmarks, five.limit) == (MMLU[:QUICK_SUBJECTS], QUICK_LIMITS["5-shot"])


def test_a_limit_comes_before_that_of_a_quick_run() -> None:
    suite = load_suite("open-medical")
    (case,) = plan_cases(suite, kinds=["0-shot"], sizes=["50M"], quick=True, limit=7)
    assert case.limit == 7


def test_the_demo_stands_in_for_questions_that_cannot_be_had() -> None:
    suite = load_suite("demo")
    cases = plan_cases(suite, kinds=USUAL_KINDS, sizes=["15M"], quick=True, limit=None)
    assert [case.name for case in cases] == ["demo 0-shot", "demo 5-shot"]
    assert {case.benchmarks for case in cases} == {
        ("demo_anatomy", "demo_pharmacology", "demo_abstracts")
    }


def test_a_queue_is_of_five_models_of_the_first_size() -> None:
    suite, sizes = load_suite("open-medical"), SIZES_OF_DEVICE["cpu"]
    (queue,) = plan_cases(suite, kinds=["queue"], sizes=sizes, quick=False, limit=100)
    assert (queue.name, queue.num_fewshot, queue.limit) == ("open-medical queue", 0, 100)
    assert queue.benchmarks == tuple(benchmark.key for benchmark in suite.benchmarks)
    alone = queue.of_each_model()
    assert [case.model for case in alone] == [
        "random/llama-15M",
        "random/llama-15M-1",
        "random/llama-15M-2",
        "random/llama-15M-3",
        "random/llama-15M-4",
    ]
    assert not any(case.is_queue for case in alone)


def test_a_generation_is_of_the_first_size_and_comes_last() -> None:
    suite, sizes = load_suite("open-medical"), SIZES_OF_DEVICE["cpu"]
    kinds = ["generation", "0-shot"]
    cases = plan_cases(suite, kinds=kinds, sizes=sizes, quick=False, limit=None)
    assert [(case.size, case.is_generation) for case in cases] == [
        ("15M", False),
        ("50M", False),
        ("15M", True),
    ]
