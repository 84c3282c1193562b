"""Strangers' files, loaded in a process that can do no harm.

`inspector` is the process, `confinement` removes its rights, `autoload` loads config and tokenizer
with transformers' AutoClasses, `fitting` compares the weights with the architecture, and `samples`
contains the texts and conversations for tests of tokenizers.
"""
