"""Repositories that attack the checks, the machine they run on, or the page that shows them."""

import json
import os
from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.good import adapter
from tests.validation.corpus.loading import (
    CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Builder,
    edited,
    written,
)
from tests.validation.corpus.material import CARD, edit_json, write_good

TEMPLATE = "chat_template.jinja"
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
GROWING = "{{ 'a' * 10000000000 }}"
SAID = "{{ messages[-1].content }}"


def only_if(condition: str, text: str) -> str:
    """Return a template that does something in some conversations alone, as in benchmarks."""
    return f"{{% if {condition} %}}{text}{{% endif %}}{SAID}"


def link_outside(folder: Path) -> None:
    write_good(folder)
    secret = folder.parent.parent / "secret.json"
    (folder / CONFIG).rename(secret)
    (folder / CONFIG).symlink_to(secret)


def folder_outside(folder: Path) -> None:
    write_good(folder)
    (folder / "all").symlink_to("/")


def name_with_a_script(folder: Path) -> None:
    write_good(folder)
    (folder / "<script>alert(1)<").mkdir()
    (folder / "<script>alert(1)<" / "script>.json").write_text("{}", encoding="utf-8")


def name_with_control_characters(folder: Path) -> None:
    write_good(folder)
    (folder / "a\x1b[2J\n.json").write_text("{}", encoding="utf-8")


def links_in_a_loop(folder: Path) -> None:
    write_good(folder)
    (folder / "a.json").symlink_to("b.json")
    (folder / "b.json").symlink_to("a.json")


def pipe_for_a_template(folder: Path) -> None:
    write_good(folder)
    (folder / TEMPLATE).unlink()
    os.mkfifo(folder / TEMPLATE)


def sparse_weights(folder: Path) -> None:
    """A tebibyte that is nowhere."""
    write_good(folder)
    with (folder / "other.safetensors").open("wb") as file:
        file.truncate(2**40)


def split_by(pattern: str) -> Builder:
    """Return a builder of a tokenizer that splits texts by a regular expression."""
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    return edited(TOKENIZER, pre_tokenizer=split)


def huge_config(folder: Path) -> None:
    write_good(folder)
    edit_json(folder / CONFIG, padding="x" * 3_000_000)


def huge_tokenizer(folder: Path) -> None:
    """A file without content that says that it has many bytes."""
    write_good(folder)
    with (folder / TOKENIZER).open("r+b") as file:
        file.truncate(100_000_000)


def tokenizer_of_many_tokens(folder: Path) -> None:
    """A vocabulary that takes more memory than a tokenizer may."""
    write_good(folder)
    path = folder / TOKENIZER
    document = json.loads(path.read_text(encoding="utf-8"))
    document["model"]["vocab"] = "many"
    many = "{" + ",".join(f'"{n}":{n}' for n in range(3_000_000)) + "}"
    path.write_text(json.dumps(document).replace('"many"', many), encoding="utf-8")


def tokenizer_from_elsewhere(folder: Path) -> None:
    write_good(folder)
    (folder / TOKENIZER).unlink()
    (folder / "vocab.json").write_text("{}", encoding="utf-8")
    edit_json(
        folder / TOKENIZER_CONFIG,
        tokenizer_class="GPT2Tokenizer",
        vocab_file="/etc/passwd",
        merges_file="../../secret.txt",
        tokenizer_file="/etc/passwd",
    )


def template_beside_a_broken_tokenizer(folder: Path) -> None:
    write_good(folder)
    (folder / TOKENIZER).write_text('{"model": 1}', encoding="utf-8")
    (folder / TEMPLATE).write_text("{{ messages.__class__.__mro__ }}", encoding="utf-8")


def adapter_that_imports(folder: Path) -> dict[str, Any]:
    asked = adapter(folder)
    edit_json(folder / "adapter_config.json", megatron_config={}, megatron_core="os")
    edit_json(folder / "adapter_config.json", megatron_config={"a": 1})
    return asked


def text_config_of_many_layers(folder: Path) -> None:
    write_good(folder)
    edit_json(folder / CONFIG, num_hidden_layers=10**9)


def template(content: str, **asked: Any) -> Any:
    """Return a builder of a model with another chat template."""
    return written(TEMPLATE, content, **asked)


CASES = (
    Case("hostile adapter that imports", "adapter_type_unsupported", adapter_that_imports),
    Case(
        "hostile card of aliases",
        "bad_card",
        written("README.md", "---\na: &a [*a, *a\n---\n" + CARD),
    ),
    Case(
        "hostile card nested deeply", "bad_card", written("README.md", f"---\n{'[' * 9999}\n---\n")
    ),
    Case("hostile config nested deeply", "bad_config", written(CONFIG, "[" * 200_000), CONFIG),
    Case(
        "hostile config nested in objects", "bad_config", written(CONFIG, '{"a":' * 99_999), CONFIG
    ),
    Case("hostile config of a number", "bad_config", written(CONFIG, f'{{"a": {"9" * 99999}}}')),
    Case("hostile config of any bytes", "bad_config", written(CONFIG, bytes(range(256)) * 99)),
    Case(
        "hostile config of many layers", "config_out_of_range", text_config_of_many_layers, CONFIG
    ),
    Case(
        "hostile config of a huge vocabulary",
        "config_out_of_range",
        edited(CONFIG, vocab_size=10**15),
        CONFIG,
    ),
    Case("hostile config that is huge", "file_too_large", huge_config, CONFIG),
    Case("hostile link outside", "unsafe_path", link_outside, CONFIG),
    Case("hostile links in a loop", "unsafe_path", links_in_a_loop, "a.json"),
    Case("hostile pipe", "unsafe_path", pipe_for_a_template, TEMPLATE),
    Case("hostile sparse weights", "unsafe_path", sparse_weights, "other.safetensors"),
    *(
        Case(
            f"hostile template that acts {name}", "endless_chat_template", template(text), TEMPLATE
        )
        for name, text in {
            "on 'Answer:'": only_if("'Answer:' in messages[0].content", ENDLESS),
            "by growing on 'Answer:'": only_if("'Answer:' in messages[-1].content", GROWING),
            "on many turns": only_if("messages|length > 5", ENDLESS),
            "on long questions": only_if("messages[0].content|length > 3000", ENDLESS),
            "on lines": only_if("messages[0].content.split('\\n')|length > 4", GROWING),
            "on all but the known question": only_if(
                "'insulin?' not in messages[0].content", ENDLESS
            ),
        }.items()
    ),
    Case(
        "hostile template that drops the questions of benchmarks",
        "chat_template_fails",
        template("{{ messages[-1].content.split('Answer:')[0] }}", use_chat_template=True),
        TEMPLATE,
    ),
    Case(
        "hostile tokenizer that panics",
        "tokenizer_fails",
        split_by("(?:.*[a-z ]){20}[\x01\x02]"),
        TOKENIZER,
    ),
    Case(
        "hostile tokenizer that panics in benchmarks",
        "tokenizer_fails",
        split_by("Question: (?:.*[a-z ]){20}[\x01\x02]"),
        TOKENIZER,
    ),
    Case("hostile linked folder", "unsafe_path", folder_outside, "all"),
    Case("hostile name with a script", "unsafe_path", name_with_a_script, "script"),
    Case(
        "hostile name with control characters", "unsafe_path", name_with_control_characters, "json"
    ),
    Case("hostile template without an end", "endless_chat_template", template(ENDLESS), TEMPLATE),
    Case(
        "hostile template of a huge text",
        "endless_chat_template",
        template("{{ 'a' * 4000000000 }}"),
        TEMPLATE,
    ),
    Case(
        "hostile template that doubles",
        "endless_chat_template",
        template(
            "{% set n = namespace(t='aaaaaaaa') %}{% for i in range(99) %}{% set n.t = n.t + n.t %}{% endfor %}"
        ),
        TEMPLATE,
    ),
    Case(
        "hostile template that reaches for attributes",
        "unsafe_chat_template",
        template("{{ messages.__class__.__mro__[1].__subclasses__() }}"),
        TEMPLATE,
    ),
    Case(
        "hostile template that reaches for globals",
        "unsafe_chat_template",
        template("{{ raise_exception.__globals__['os'].system('true') }}"),
        TEMPLATE,
    ),
    Case(
        "hostile template beside a broken tokenizer",
        "unsafe_chat_template",
        template_beside_a_broken_tokenizer,
        TEMPLATE,
    ),
    Case(
        "hostile template that formats",
        "unsafe_chat_template",
        template("{{ '{0.__class__.__base__}'.format(messages) }}"),
        TEMPLATE,
    ),
    Case(
        "hostile template that changes its messages",
        "unsafe_chat_template",
        template("{{ messages.append(1) }}{{ messages.clear() }}"),
        TEMPLATE,
    ),
    Case("hostile tokenizer nested deeply", "tokenizer_fails", written(TOKENIZER, "[" * 200_000)),
    Case("hostile tokenizer of many tokens", "tokenizer_fails", tokenizer_of_many_tokens),
    Case("hostile tokenizer from elsewhere", "tokenizer_fails", tokenizer_from_elsewhere),
    Case("hostile tokenizer that is huge", "file_too_large", huge_tokenizer, TOKENIZER),
)
