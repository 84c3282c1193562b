"""Files of strangers, loaded in a process that can do no harm.

`inspector` is the process, `confinement` takes its rights away, `autoload` loads configuration and
tokenizer with transformers' AutoClasses, `fitting` compares the weights with the architecture, and
`samples` are the texts and conversations that a tokenizer is tried with.
"""
