"""The process of one loaded model, which evaluates benchmarks.

`placing/model_program` imports this module, and lm_eval with it, after it has set the environment.
The process is confined before it sees a file of the model: everything that needs trust is asked of
its keeper.

Several threads may call at the same time: one loads the model, the others wait for it. Only one
thread imports the libraries: transformers and vLLM import their parts on first use, and a
concurrent thread would find a partial module.
"""

import json
import threading
import time
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM

from evalboard.backends import find_backend
from evalboard.engine.benchmarks.answering import AnsweringModel
from evalboard.engine.benchmarks.generation import answer_budget, sampling_options
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.loaded import LoadedBenchmark
from evalboard.engine.benchmarks.prompts import (
    ChatRenderer,
    chat_renderer,
    load_tokenizer,
    longest_prompt,
    longest_prompt_bytes,
    longest_request,
    prompt_prefix,
)
from evalboard.engine.benchmarks.scoring import score
from evalboard.engine.chat_date import seen_date
from evalboard.engine.keeping import Keeper
from evalboard.engine.lengths import (
    STARTING_LENGTH,
    RequestLimit,
    context_length,
    request_limit,
    scales_with_length,
)
from evalboard.engine.loading.finite import check_finite
from evalboard.engine.loading.loader import LoadArguments, import_backend, load_model, replace_model
from evalboard.engine.metering import EnergyMeter
from evalboard.engine.prompting import Prompter
from evalboard.engine.provenance import (
    architecture,
    chat_template,
    chat_template_sha,
    ends_texts,
    machine,
    versions,
)
from evalboard.engine.spec import EngineSpec
from evalboard.engine.thinking import has_switch
from evalboard.errors import EvalboardError, HarnessError
from evalboard.identity import THINKING_OFF, ModelIdentity, benchmark_key, digest, run_key
from evalboard.records.choice import PinnedChoice
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.records.precision import Precision
from evalboard.suites.model import Suite

TEXTS = frozenset({"generate_until", "loglikelihood_rolling"})
"""lm_eval's kinds of tasks whose answers are texts, or about whole texts."""
TEMPLATE_BYTES = 4_096
"""Bytes that a chat template adds to a question, as far as they are not measured. The longest known
ones add 3,000, most of them a message of the system."""


class EngineProcess:
    """One model.

    Args:
        spec: Specification of the engine.
        device: `cuda` or `cpu`.
        keeper: Finds the model's files and keeps the answers.
        questions: Folder with the questions that are not in the mirror of the settings.
        prompter: Runs the tokenizer and the chat template, None to run them here.
    """

    def __init__(
        self,
        spec: EngineSpec,
        device: str,
        keeper: Keeper,
        *,
        questions: Path,
        prompter: Prompter | None = None,
    ) -> None:
        self._spec = spec
        self._device = device
        self._keeper = keeper
        self._questions = questions
        self._prompter = prompter
        self._loading = threading.Lock()
        self._reading = threading.Lock()
        self._libraries: dict[str, TaskLibrary] = {}
        self._loaded: dict[str, LoadedBenchmark] = {}
        self._model: LM | None = None
        self._earlier: LM | None = None
        self._load_seconds = 0.0

    def following(
        self, spec: EngineSpec, keeper: Keeper, questions: Path, *, is_same_model: bool = False
    ) -> "EngineProcess":
        """Return the engine of the next model, which loads its weights in place of this one's.

        It can plan any model, and load one of the same likeness. The tokenizer's files are then the
        same, and its process goes on: no other can be forked beside the threads of a loaded model.

        Args:
            spec: Specification of the engine.
            keeper: Its keeper.
            questions: As for this engine.
            is_same_model: Whether it is this model, for another of its suites, with what is loaded of it.
        """
        following = EngineProcess(
            spec, self._device, keeper, questions=questions, prompter=self._prompter
        )
        if is_same_model:
            following._model, following._earlier = self._model, self._earlier
        else:
            following._earlier = self._model
        self._model = None
        following._libraries = self._libraries
        return following

    def plan(self) -> tuple[list[BenchmarkPlan], EngineFacts]:
        """Return the key and size of every benchmark, and the facts of this engine.

        This needs the questions and the model's small files, but not its weights. A benchmark that
        cannot run has its problem in the plan and does not affect the others.
        """
        return [self._plan(key) for key in self._spec.benchmarks], self._facts()

    def load(self) -> EngineFacts:
        """Load the model once, and return its facts."""
        self._loaded_model()
        return self._facts()

    def longest_request(self) -> int | None:
        """Return the length in tokens of the longest request with its answer.

        The result is None if a shorter maximum length would change the model or a score. This needs
        the model's small files, but not its weights.
        """
        if scales_with_length(self._config) or not self._may_be_shorter:
            return None
        keys = [plan.benchmark for plan in map(self._plan, self._spec.benchmarks) if plan.key]
        return max((self._longest(self._load_task(key)) for key in keys), default=0)

    def _longest(self, loaded: LoadedBenchmark) -> int:
        return longest_request(loaded.tasks, self._tokenizer, template=self._renderer(loaded))

    def _renderer(self, loaded: LoadedBenchmark) -> ChatRenderer | None:
        """Return what renders a benchmark's prompts before a model is loaded."""
        if not self._spec.use_chat_template:
            return None
        return chat_renderer(self._tokenizer, enable_thinking=self._think_end(loaded) is not None)

    @cached_property
    def _tokenizer(self) -> Any:
        """The tokenizer as it is before a model is loaded, to measure prompts."""
        return self._bounded(load_tokenizer(self._small_files))

    def evaluate(self, benchmark: str) -> tuple[BenchmarkOutcome, bytes]:
        """Run one benchmark. Load the model first if necessary.

        Answers are kept as they arrive, and answers of an earlier process are reused. Several
        threads can call it: while the model answers one benchmark, another prepares its prompts.

        Args:
            benchmark: Key in the suite.

        Returns:
            The outcome, and all answers as Parquet.
        """
        model = self._loaded_model()
        loaded = self._load_task(benchmark, last=True)
        key = self._key(loaded)
        answering = AnsweringModel(
            model,
            self._keeper.open_answers(benchmark, key),
            partial(self._keeper.note_progress, benchmark),
            precision=Precision(self._spec.precision),
            think_end=self._think_end(loaded),
            may_cut=self._spec.suite.generation is None,
        )
        with EnergyMeter().measured() as energy:
            outcome, answers = score(
                answering,
                loaded,
                key=key,
                limit=self._spec.limit,
                use_chat_template=self._spec.use_chat_template,
            )
        counted = outcome.with_counts(
            cut=(task for task, _ in answering.cut),
            unfinished=(task for task, _ in answering.unfinished),
        )
        tokens = {
            "prompt_tokens": answering.prompt_tokens,
            "generated_tokens": answering.generated_tokens,
        }
        usage = energy[0].model_copy(update=tokens)
        return counted.model_copy(update={"usage": usage}), answers

    def _loaded_model(self) -> LM:
        with self._loading:
            if self._model is None:
                started = time.monotonic()
                self._model = self._load()
                self._load_seconds = time.monotonic() - started
            return self._model

    def _load(self) -> LM:
        import_backend(self._spec.backend)
        arguments = self._load_arguments()
        if self._spec.settings.check_finite:
            check_finite(arguments.weights)
        if self._earlier is not None:
            replace_model(self._earlier, arguments)
            if self._prompter:
                self._prompter.serve(self._spec.model)
            print(f"The weights of {self._spec.model} were reloaded in place.", flush=True)  # noqa: T201 - goes to its log
            return self._earlier
        model: Any = load_model(arguments)
        if self._prompter:
            model.tokenizer = self._bounded(model.tokenizer)
        return model

    def _bounded(self, tokenizer: Any) -> Any:
        return self._prompter.bind(tokenizer) if self._prompter else tokenizer

    def _load_arguments(self) -> LoadArguments:
        spec, loadable = self._spec, self._keeper.loadable_files()
        limit = self._request_limit()
        return LoadArguments(
            backend=spec.backend,
            weights=loadable.weights,
            adapter=loadable.adapter,
            precision=spec.precision,
            device=self._device,
            tensor_parallel=spec.limits.tensor_parallel,
            gpu_memory_fraction=spec.limits.gpu_memory_fraction,
            max_num_seqs=spec.limits.max_num_seqs,
            max_num_batched_tokens=spec.limits.max_num_batched_tokens,
            max_length=limit.tokens,
            may_cut=limit.may_cut,
            architectures=tuple(self._config.get("architectures") or ()),
            generates="generate_until" in self._output_types,
            log_file=spec.log_file,
        )

    def _request_limit(self) -> RequestLimit:
        spec = self._spec
        return request_limit(
            self._config,
            tokens=(spec.limits.max_length or STARTING_LENGTH) if self._may_be_shorter else None,
            allowed=spec.settings.max_model_length,
        )

    @property
    def _may_be_shorter(self) -> bool:
        """Whether a shorter maximum length than the model's own saves memory and changes no score.

        A text whose rolling log-likelihood is asked for is split into windows of that length.
        """
        reserves = find_backend(self._spec.backend).reserves_memory
        return reserves and "loglikelihood_rolling" not in self._output_types

    def _plan(self, benchmark: str) -> BenchmarkPlan:
        try:
            loaded = self._load_task(benchmark)
        except EvalboardError as exc:
            problem = {"code": exc.code, "message": exc.message}
            return BenchmarkPlan(benchmark=benchmark, key="", n=0, problem=problem)
        return BenchmarkPlan(
            benchmark=benchmark,
            key=self._key(loaded),
            n=loaded.n_effective,
            prompt_prefix=prompt_prefix(loaded.tasks[0]),
        )

    def _load_task(self, benchmark: str, *, last: bool = False) -> LoadedBenchmark:
        """Return a benchmark, and keep it for its next use unless this is the `last` one.

        All uses see the same questions, whatever is written into the mirror between them.
        """
        with self._reading:
            loaded = self._loaded.pop(benchmark, None) or self._read(benchmark)
            if not last:
                self._loaded[benchmark] = loaded
            return loaded

    def _read(self, benchmark: str) -> LoadedBenchmark:
        spec = self._spec
        library = self._library(spec.suite, spec.benchmarks)
        (wanted,) = spec.suite.select((benchmark,))
        loaded = library.load(wanted, num_fewshot=spec.num_fewshot, limit=spec.limit)
        return loaded.generating(self._generation(loaded))

    def _library(self, suite: Suite, benchmarks: tuple[str, ...]) -> TaskLibrary:
        """Return what loads benchmarks of a suite. It is the same one for the models that follow.

        To find the definitions of a suite's tasks takes a second, and to read the questions more.
        """
        datasets = self._spec.settings.datasets
        place = digest(
            [suite.model_dump(mode="json"), benchmarks, str(datasets), str(self._questions)]
        )
        if place not in self._libraries:
            self._libraries[place] = TaskLibrary(
                suite.select(benchmarks),
                definitions=suite.tasks,
                mirror=datasets,
                fetched=self._questions,
                offline=True,
            )
        return self._libraries[place]

    def _generation(self, loaded: LoadedBenchmark) -> dict[str, Any]:
        """Return how a benchmark's answers are generated, in lm_eval's words; empty as its tasks say.

        Raises:
            HarnessError: The model's context is too short, or its sampling unusable.
        """
        policy = self._spec.suite.generation
        if policy is None or not loaded.writes:
            return {}
        context = context_length(self._config, allowed=self._spec.settings.max_model_length)
        budget = policy.max_tokens
        bound = longest_prompt_bytes(loaded.tasks) + TEMPLATE_BYTES
        if context is not None and bound + budget > context:
            longest = longest_prompt(loaded.tasks, self._tokenizer, template=self._renderer(loaded))
            budget = answer_budget(policy, context=context, longest_prompt=longest)
        thinks = self._think_end(loaded) is not None
        return {"max_gen_toks": budget, **sampling_options(self._small_files, thinks=thinks)}

    @cached_property
    def _output_types(self) -> set[str]:
        """What the model is asked for by all its suites, in lm_eval's words."""
        spec = self._spec
        with self._reading:
            types = self._output_types_of(spec.suite, spec.benchmarks)
            for suite in spec.further_suites:
                types |= self._output_types_of(suite, tuple(each.key for each in suite.benchmarks))
            return types

    def _output_types_of(self, suite: Suite, benchmarks: tuple[str, ...]) -> set[str]:
        return self._library(suite, benchmarks).output_types(suite.select(benchmarks))

    def _key(self, loaded: LoadedBenchmark) -> str:
        told: dict[str, Any] = {"thinking": self._thinking(self._think_end(loaded))}
        if not TEXTS.isdisjoint(each.task.OUTPUT_TYPE for each in loaded.tasks):
            told["method"] = find_backend(self._spec.backend).text_method
        return benchmark_key(self._identity.model_copy(update=told), *loaded.identity)

    def _think_end(self, loaded: LoadedBenchmark) -> str | None:
        """Return the end token of the thinking before a benchmark's answers, None without thinking.

        A model that ranks choices writes nothing, so it cannot think before.

        Raises:
            HarnessError: The end token is not known.
        """
        spec = self._spec
        if not spec.enable_thinking or not loaded.writes:
            return None
        if not spec.think_end_token:
            raise HarnessError(
                f"Model {spec.model!r} is to think before it answers, and the end token of its "
                "thinking is not known. Name it in the submission."
            )
        return spec.think_end_token

    def _thinking(self, think_end: str | None) -> str | None:
        """Return what a key says of the thinking."""
        if think_end is not None:
            return think_end
        return THINKING_OFF if self._template and has_switch(self._template) else None

    @cached_property
    def _identity(self) -> ModelIdentity:
        """Every benchmark needs it, and with a chat template it requires the tokenizer."""
        spec, installed = self._spec, versions(self._spec.backend)
        return ModelIdentity(
            choice=PinnedChoice(**spec.choice_fields()),
            chat_template_sha=chat_template_sha(self._template),
            chat_date=seen_date(self._template),
            backend=spec.backend,
            backend_version=installed.backend,
            lm_eval_version=installed.lm_eval,
            max_length=spec.settings.max_model_length,
            method=find_backend(spec.backend).method,
            texts_are_opened=ends_texts(self._small_files),
            thinking=self._thinking(spec.think_end_token if spec.enable_thinking else None),
        )

    @cached_property
    def _template(self) -> str | None:
        """The chat template, None if prompts are made without it."""
        return chat_template(self._small_files) if self._spec.use_chat_template else None

    @cached_property
    def _small_files(self) -> Path:
        return self._keeper.small_files()

    @cached_property
    def _config(self) -> dict[str, Any]:
        return json.loads((self._small_files / "config.json").read_text(encoding="utf-8"))

    def _facts(self) -> EngineFacts:
        installed, identity = versions(self._spec.backend), self._identity
        limits = self._spec.limits
        return EngineFacts(
            run_key=run_key(identity, self._spec.suite.name),
            backend=identity.backend,
            backend_version=identity.backend_version,
            lm_eval_version=identity.lm_eval_version,
            transformers_version=installed.transformers,
            torch_version=installed.torch,
            architecture=architecture(self._small_files),
            chat_template_sha=identity.chat_template_sha,
            settings={
                "device": self._device,
                **limits.model_dump(exclude={"resource"}),
                "max_length": getattr(self._model, "max_length", limits.max_length),
            },
            machine=machine(with_gpus=self._spec.loads_model),
            load_seconds=self._load_seconds,
        )
