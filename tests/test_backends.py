"""What a backend's description is enough for; the backends that are there are tested in the engine."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import ValidationError

from evalboard.backends import BACKENDS, HF, VLLM, Backend, FailureSigns, backend_for
from evalboard.cli import main
from evalboard.engine.environment import environment
from evalboard.engine.keeping import AnswerKeeper, LoadableFiles
from evalboard.engine.lengths import STARTING_LENGTH
from evalboard.engine.loading.failures import classify, is_fatal
from evalboard.engine.loading.loader import LoadArguments
from evalboard.engine.placing.allotment import find_headroom, starting_limits
from evalboard.engine.process import EngineProcess
from evalboard.errors import OutOfMemory, Shortage
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.settings import Settings
from evalboard.suites.model import Benchmark, Suite
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject
from tests import stand_in_backend
from tests.engine_specs import engine_spec
from tests.validation.corpus.material import write_good

STAND_IN = Backend(
    name="stand_in",
    title="Stand-in",
    distribution="pytest",
    module="tests.stand_in_backend",
    precisions=MappingProxyType({Precision.FLOAT32: ""}),
    spans_gpus=False,
    reserves_memory=False,
    batch_size=5,
    architectures=lambda: frozenset({"OtherForCausalLM"}),
    environment=MappingProxyType({"STAND_IN_QUIET": "1"}),
    cpu_environment=MappingProxyType({"STAND_IN_CACHE": "{cpu_kv_cache_gib}g"}),
    failures=FailureSigns(
        out_of_memory=MappingProxyType({Shortage.SHARE: ("the shelf is full",)}),
        fatal=("StandInGone",),
    ),
)


@pytest.fixture(autouse=True)
def third_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the entry makes it known."""
    monkeypatch.setitem(BACKENDS, "stand_in", STAND_IN)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "org" / "model"
    folder.mkdir(parents=True)
    write_good(folder)
    return folder


def stand_in_settings(home: Path) -> Settings:
    return Settings.model_validate(
        {"home": home, "models": home / "models", "offline": True, "backend": "stand_in"}
    )


def test_the_settings_take_it_and_refuse_a_name_without_an_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings.model_validate({"backend": "stand_in"}).backend == "stand_in"
    monkeypatch.delitem(BACKENDS, "stand_in")
    with pytest.raises(ValidationError, match="no backend 'stand_in'; choose one of vllm, hf"):
        Settings.model_validate({"backend": "stand_in"})


def test_the_command_line_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "org/a", "--backend", "stand_in", "--suite", "nope"]) == 2
    assert "'nope'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["evaluate", "org/a", "--backend", "other"])
    assert "stand_in" in capsys.readouterr().err


def test_checks_ask_it_what_it_runs(model: Path, tmp_path: Path) -> None:
    subject = Subject(model="org/model", precision=Precision.FLOAT32)
    report = validate(subject, stand_in_settings(tmp_path))
    (finding,) = report.errors
    assert finding.code == "unknown_to_stand_in"
    assert (
        finding.message == "The installed version of Stand-in does not support 'LlamaForCausalLM'."
    )
    assert "for the backend `hf`" in finding.fix


def test_a_precision_that_it_does_not_run_falls_to_one_that_does() -> None:
    assert backend_for("float32", "stand_in") is STAND_IN
    assert backend_for("", "stand_in") is STAND_IN
    assert backend_for("float16", "stand_in") is VLLM
    assert backend_for("8bit", "stand_in") is HF
    assert backend_for("3bit", "stand_in") is STAND_IN


class FolderKeeper:
    """Gives a folder as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def small_files(self) -> Path:
        return self._folder

    def loadable_files(self) -> LoadableFiles:
        return LoadableFiles(self._folder)

    def open_answers(self, benchmark: str, key: str) -> AnswerKeeper:
        raise NotImplementedError

    def note_progress(self, benchmark: str, done: int, total: int) -> None:
        raise NotImplementedError


def test_an_engine_takes_what_it_says_and_loads_with_its_module(
    model: Path, tmp_path: Path
) -> None:
    spec = engine_spec(
        tmp_path,
        settings={"models": tmp_path / "models"},
        model="org/model",
        revision="main",
        folder=model,
        weight_type=WeightType.ORIGINAL,
        is_only_run=True,
        backend="stand_in",
    )
    limits = starting_limits(spec)
    assert limits.max_num_seqs == 5
    spec = spec.model_copy(update={"limits": limits})
    assert find_headroom(spec, Shortage.STEP) == (None, 0, False, False)
    facts = EngineProcess(spec, "cpu", FolderKeeper(model), questions=tmp_path).load()
    assert (facts.backend, facts.backend_version) == ("stand_in", version("pytest"))
    assert facts.architecture == "LlamaForCausalLM"


@pytest.mark.parametrize(
    ("own", "tasks", "expected"),
    [
        (131_072, ("openbookqa",), (STARTING_LENGTH, False, False)),
        (131_072, ("openbookqa", "gsm8k"), (STARTING_LENGTH, False, True)),
        (131_072, ("openbookqa", "wikitext"), (None, True, False)),
        (2_048, ("openbookqa",), (None, True, False)),
    ],
    ids=["long", "generates", "rolling", "short"],
)
@pytest.mark.parametrize("asked", [1, None], ids=["several suites", "one suite"])
def test_what_reserves_memory_loads_for_shorter_requests_unless_that_changes_a_score(
    asked: int | None,
    own: int,
    tasks: tuple[str, ...],
    expected: tuple[int | None, bool, bool],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BACKENDS, "stand_in", replace(STAND_IN, reserves_memory=True))
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config["max_position_embeddings"] = own
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (model / "tokenizer_config.json").unlink()
    loaded: list[LoadArguments] = []
    monkeypatch.setattr(stand_in_backend, "load", loaded.append)
    columns = tuple(Benchmark(key=task, title=task) for task in tasks)
    suite = Suite(name="some", title="Some", benchmarks=columns[:asked])
    further = () if asked is None else (Suite(name="more", title="More", benchmarks=columns),)
    spec = engine_spec(
        tmp_path,
        backend="stand_in",
        suite=suite,
        further_suites=further,
        benchmarks=tasks[:asked],
    )
    EngineProcess(spec, "cpu", FolderKeeper(model), questions=tmp_path).load()
    (arguments,) = loaded
    assert (arguments.max_length, arguments.may_cut, arguments.generates) == expected


def test_its_failures_and_its_variables_are_known() -> None:
    class StandInGone(Exception):
        pass

    full = classify(ValueError("The shelf is full"), {})
    assert isinstance(full, OutOfMemory)
    assert full.shortage is Shortage.SHARE
    assert is_fatal(StandInGone())
    variables = environment(device="cpu", cpu_kv_cache_gib=3, offline=True)
    assert variables["STAND_IN_QUIET"] == "1"
    assert variables["STAND_IN_CACHE"] == "3g"


def test_memory_is_kept_only_where_the_model_is_in_it() -> None:
    def kept(device: str) -> bool:
        variables = environment(device=device, cpu_kv_cache_gib=1, offline=True)
        return "MALLOC_TRIM_THRESHOLD_" in variables

    assert (kept("cpu"), kept("cuda")) == (True, False)


@pytest.mark.parametrize("backend", [VLLM, HF], ids=lambda backend: backend.name)
def test_every_precision_runs_somewhere_and_plain_ones_everywhere(backend: Backend) -> None:
    for precision in Precision:
        assert backend_for(precision, backend.name).runs(precision)
        assert backend.runs(precision) or not precision.is_plain
