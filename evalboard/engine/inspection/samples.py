"""Texts for tests of every tokenizer and chat template."""

SAMPLES = (
    "Which drug is the first choice? A. Aspirin B. Heparin C. Warfarin D. None of these",
    "The patient (aged 63) took 2.5 mg twice a day; blood pressure 140/90.",
    "x = [i**2 for i in range(10)]  # {a: 1}",
    "Temperature 38,5 °C, dose 5 µg, α-blocker, Ménière's disease.",
)
"""The first three are ASCII, which any tokenizer should preserve."""
ASCII_SAMPLES = 3
QUESTION = "Which organ makes insulin?"
ANSWER = "The pancreas."
