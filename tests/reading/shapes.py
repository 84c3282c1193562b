"""Answers in the shapes in which models write them, in our own words, and how each is read."""

from typing import NamedTuple

DRUGS = ("Aspirin", "Ibuprofen", "Warfarin", "Heparin")
TEN = tuple(f"Finding {n}" for n in range(1, 11))
BUGS = ("C. difficile infection", "E. coli", "A beta blocker", "B cells")
ANSWERS = ("yes", "no", "maybe")


class Shape(NamedTuple):
    """An answer and its reading."""

    text: str
    letter: str | None
    rule: str | None = None
    state: str = ""
    choices: tuple[str, ...] = DRUGS
    finish_reason: str = ""
    thinking_opened: bool = False


LINES = [
    Shape("It thins the blood.\n\nAnswer: B", "B", "line"),
    Shape("Answer: B", "B", "line"),
    Shape("**Answer: B**", "B", "line"),
    Shape("**Answer:** B", "B", "line"),
    Shape("**Answer**: (B)", "B", "line"),
    Shape("Final answer: B.", "B", "line"),
    Shape("Final Answer: **B**", "B", "line"),
    Shape("### Answer\nB", "B", "line"),
    Shape("## Answer: B. Ibuprofen", "B", "line"),
    Shape("Answer:\n\nB", "B", "line"),
    Shape("ANSWER: b", "B", "line"),
    Shape("answer : b)", "B", "line"),
    Shape("Answer: Option B", "B", "line"),
    Shape("Answer: the letter B", "B", "line"),
    Shape("Answer: [B]", "B", "line"),
    Shape('Answer: "B"', "B", "line"),
    Shape("Answer: $B$", "B", "line"),
    Shape("Answer: $\\boxed{B}$", "B", "line"),
    Shape("Answer: \\text{B}", "B", "line"),
    Shape("Answer: \uff22", "B", "line"),
    Shape("Answer\uff1a\uff22", "B", "line"),
    Shape("Answer: \u24b7", "B", "line"),
    Shape("Answer: \U0001d401", "B", "line"),
    Shape("Answer:\u00a0\u200bB", "B", "line"),
    Shape("> Answer: B", "B", "line"),
    Shape("Answer: Ibuprofen", "B", "line"),
    Shape("Answer: ibuprofen.", "B", "line"),
    Shape("Answer: B\n\nIbuprofen blocks the enzyme for some hours.", "B", "line"),
    Shape("Answer: A ... wait, Answer: C", "C", "line"),
    Shape("Answer: A\nHmm, that was too fast.\nAnswer: C", "C", "line"),
    Shape("Answer: A\n\nWait, I overlooked the fever. The correct answer is C.", "C", "sentence"),
    Shape(
        'The last line must be "Answer: X", where X is one of A, B, C, D.\n\nAnswer: D', "D", "line"
    ),
    Shape("Answer: B\nAnswer: B\nAnswer: B\n" * 50, "B", "line"),
    Shape("Answer: J", "J", "line", choices=TEN),
    Shape("The best reply is I.\nAnswer: I", "I", "line", choices=TEN),
]
LANGUAGES = [
    Shape("Respuesta: B", "B", "line"),
    Shape("**Respuesta final: B**", "B", "line"),
    Shape("La respuesta correcta es la B.", "B", "sentence"),
    Shape("R\u00e9ponse : B", "B", "line"),
    Shape("La bonne r\u00e9ponse est B.", "B", "sentence"),
    Shape("Antwort: B", "B", "line"),
    Shape("Die richtige Antwort ist B.", "B", "sentence"),
    Shape("Die richtige Antwort lautet: B) Ibuprofen", "B", "sentence"),
    Shape("Resposta: B", "B", "line"),
    Shape("A resposta correta \u00e9 a alternativa B.", "B", "sentence"),
    Shape("Risposta: B", "B", "line"),
    Shape("La risposta corretta \u00e8 B.", "B", "sentence"),
    Shape("Odpowied\u017a: B", "B", "line"),
    Shape("Poprawna odpowied\u017a to B.", "B", "sentence"),
    Shape("\u7b54\u6848\uff1aB", "B", "line"),
    Shape("\u6b63\u786e\u7b54\u6848\u662fB\u3002", "B", "sentence"),
    Shape("\u56e0\u6b64\u9009B\u3002", "B", "sentence"),
    Shape("\u7b54\u3048\uff1aB", "B", "line"),
    Shape("\u6b63\u89e3\u306fB\u3067\u3059\u3002", "B", "sentence"),
    Shape("\uc815\ub2f5: B", "B", "line"),
    Shape("\ub530\ub77c\uc11c \uc815\ub2f5\uc740 B\uc785\ub2c8\ub2e4.", "B", "sentence"),
]
FIELDS = [
    Shape("So we get \\boxed{B}", "B", "field"),
    Shape("So we get $\\boxed{\\text{B}}$.", "B", "field"),
    Shape("\\boxed{\\mathrm{B}}", "B", "field"),
    Shape("\\boxed{(B)}", "B", "field"),
    Shape("\\boxed{B. Ibuprofen}", "B", "field"),
    Shape("First \\boxed{A}, but the lab says \\boxed{D}.", "D", "field"),
    Shape("<answer>B</answer>", "B", "field"),
    Shape("<answer>\nB. Ibuprofen\n</answer>", "B", "field"),
    Shape("<final_answer>B</final_answer>", "B", "field"),
    Shape('{"answer": "B"}', "B", "field"),
    Shape('```json\n{"reason": "It is an NSAID.", "answer": "B: Ibuprofen"}\n```', "B", "field"),
    Shape("{'answer': 'b'}", "B", "field"),
    Shape('{"answer": ["B"]}', "B", "field"),
    Shape('{"final_answer": "Ibuprofen"}', "B", "field"),
]
ALONE = [
    Shape("B", "B", "alone"),
    Shape("(B)", "B", "alone"),
    Shape("b", "B", "alone"),
    Shape("**B**", "B", "alone"),
    Shape("B.", "B", "alone"),
    Shape("B. Ibuprofen", "B", "alone"),
    Shape("B) Ibuprofen\n\nIt is taken for pain.", "B", "alone"),
    Shape("It is taken for pain and fever.\n\nB", "B", "alone"),
    Shape("It is taken for pain and fever.\n\n**B. Ibuprofen**", "B", "alone"),
]
SENTENCES = [
    Shape("The answer is B.", "B", "sentence"),
    Shape("The correct answer is (B) Ibuprofen.", "B", "sentence"),
    Shape("The correct answer is **B**.", "B", "sentence"),
    Shape(
        "So the best option for this patient is therefore option B because of the pain.",
        "B",
        "sentence",
    ),
    Shape("The most likely answer would be B.", "B", "sentence"),
    Shape("B is the correct answer.", "B", "sentence"),
    Shape("Option B is correct.", "B", "sentence"),
    Shape("I would choose B.", "B", "sentence"),
    Shape("The answer cannot be A, so the answer is B.", "B", "sentence"),
    Shape("The answer is ibuprofen.", "B", "sentence"),
    Shape("The answer is A. No, the answer is D.", "D", "sentence"),
    Shape("The answer is B, not C.", "B", "sentence"),
    Shape("The drug that is not an anticoagulant and the answer is B.", "B", "sentence"),
]
MARKS = [
    Shape("We should start the patient on ibuprofen (Option B).", "B", "mark"),
    Shape("This points to **B: Ibuprofen**, which is well known.", "B", "mark"),
    Shape("The drug that she took is 'B': 'Ibuprofen'. It is sold freely.", "B", "mark"),
    Shape("Rather than option A, she needs ibuprofen (B).", "B", "mark"),
]
TEXTS = [
    Shape("Ibuprofen", "B", "text"),
    Shape("**ibuprofen**.", "B", "text"),
    Shape("She has pain after sport.\n\nIbuprofen", "B", "text"),
    Shape("For this patient I would go for **Ibuprofen** at once.", "B", "text"),
    Shape("Answer: no, the study is too small", "B", "line", choices=ANSWERS),
    Shape("Yes", "A", "text", choices=ANSWERS),
    Shape("Answer: Maybe", "C", "line", choices=ANSWERS),
    Shape("Answer: C. difficile infection", "A", "line", choices=BUGS),
    Shape("Answer: E. coli", "B", "line", choices=BUGS),
    Shape("Answer: A beta blocker", "C", "line", choices=BUGS),
    Shape("Answer: B cells", "D", "line", choices=BUGS),
    Shape("Answer: Vitamin C", "D", "line", choices=("Iron", "Zinc", "Vitamin D", "Vitamin C")),
    Shape("Answer: 5 mg", "C", "line", choices=("1 mg", "2 mg", "5 mg", "5.5 mg")),
    Shape("Answer: 5.5 mg", "D", "line", choices=("1 mg", "2 mg", "5 mg", "5.5 mg")),
    Shape("Answer: C", "C", "line", choices=("C", "D", "A", "B")),
]
THINKING = [
    Shape("<think>Is it A? Answer: A</think>\n\nAnswer: B", "B", "line"),
    Shape("Is it A? Answer: A</think>\nAnswer: B", "B", "line", thinking_opened=True),
    Shape("[THINK]Perhaps A.[/THINK]Answer: B", "B", "line"),
    Shape("<unused94>thought\nThe answer is A.<unused95>Answer: B", "B", "line"),
    Shape(
        "<|channel|>analysis<|message|>Answer: A<|end|><|start|>assistant"
        "<|channel|>final<|message|>Answer: B<|return|>",
        "B",
        "line",
    ),
    Shape("analysisWe need a drug. Answer: Aassistantfinal**Answer: B**", "B", "line"),
    Shape(
        "## Thinking\n\nThe answer is A.\n\n## Final Response\n\nThe answer is B.", "B", "sentence"
    ),
    Shape("<seed:think>A or C</seed:think>Answer: B", "B", "line"),
    Shape("\u25c1think\u25b7Answer: A\u25c1/think\u25b7Answer: B", "B", "line"),
    Shape("<thought>Answer: A</thought>Answer: B<end_of_turn>\nAnswer: C", "B", "line"),
    Shape("<think>a</think>Answer: A<think>b</think>Answer: B", "B", "line"),
]
UNFINISHED = [
    Shape(text, None, state="unfinished")
    for text in (
        "<think>Is it A? Answer: A\n\nThe answer is A",
        "  \n<think>\nAnswer: A",
        "Sure.\n<think>\nAnswer: A",
        "<think>a</think>Answer: A<think>No. Answer: B",
        "[THINK]Answer: A",
        "<unused94>thought\nAnswer: A",
        "<|channel|>analysis<|message|>Answer: A<|end|>",
        "analysisThe user asks. Answer: A",
        "## Thinking\n\nThe answer is A.",
        "<seed:think>Answer: A",
        "<THINK>Answer: A",
    )
] + [
    Shape("Answer: A", None, state="unfinished", thinking_opened=True),
    Shape("It may be a case of Answer: A", None, state="unfinished", finish_reason="length"),
    Shape("Answer: A", None, state="unfinished", finish_reason="MAX_TOKENS"),
    Shape("", None, state="unfinished", finish_reason="length"),
]
EMPTY = [
    Shape(text, None, state="empty")
    for text in ("", " \n\t ", "<think>a</think>", "<think></think>\n\n", "\u200b", "<|im_end|>")
]
REFUSED = [
    Shape(text, None, state="refused")
    for text in (
        "I cannot provide medical advice. Please see a doctor.",
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I am not able to answer medical questions.",
        "I\u2019m unable to answer this question.",
        "Lo siento, no puedo ayudar con eso.",
        "Je suis d\u00e9sol\u00e9, je ne peux pas r\u00e9pondre.",
        "Es tut mir leid, dazu kann ich nichts sagen.",
        "\u5bf9\u4e0d\u8d77\uff0c\u6211\u65e0\u6cd5\u63d0\u4f9b\u533b\u7597\u5efa\u8bae\u3002",
        "\u7533\u3057\u8a33\u3042\u308a\u307e\u305b\u3093\u304c\u3001\u304a\u7b54\u3048\u3067\u304d\u307e\u305b\u3093\u3002",
        "\uc8c4\uc1a1\ud569\ub2c8\ub2e4. \ub2f5\ubcc0\ud560 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.",
        "Przepraszam, nie mog\u0119 udzieli\u0107 porady.",
        "Desculpe, n\u00e3o posso responder.",
        "Mi dispiace, non posso rispondere.",
    )
]
UNREADABLE = [
    Shape(text, None, state="unreadable")
    for text in (
        "Answer: A or B",
        "Answer: A and C",
        "Answer: A, B",
        "Answer: A/B",
        "Answer: **A** or **B**",
        "Answer: (A) and (B)",
        "Answer: A & B",
        "Answer: A. B.",
        "Answer: ABD",
        "Answer: A-D",
        "\u7b54\u6848\uff1aA\u548cB",
        "\uc815\ub2f5: A, C",
        "Respuesta: A y B",
        "Antwort: A oder B",
        "\\boxed{A, B}",
        "<answer>A or B</answer>",
        '{"answer": ["A", "B"]}',
        "The answer is A or B.",
        "It is either option A or option B.",
        "Answer: E",
        "Answer: X",
        "The answer is not B.",
        "The answer isn't B.",
        "Answer: not B",
        "The correct answer cannot be B.",
        "La respuesta no es B.",
        "La r\u00e9ponse n'est pas B.",
        "Die Antwort ist nicht B.",
        "A resposta n\u00e3o \u00e9 B.",
        "La risposta non \u00e8 B.",
        "\u7b54\u6848\u4e0d\u662fB\u3002",
        "\uc815\ub2f5\uc740 B\uac00 \uc544\ub2d9\ub2c8\ub2e4.",
        "\u7b54\u3048\u306fB\u3067\u306f\u3042\u308a\u307e\u305b\u3093\u3002",
        "I do not think the answer is B.",
        "The wrong answer is B.",
        "Option B is incorrect.",
        "B is not the correct answer.",
        "A patient with pain needs rest.",
        "Vitamin C helps with scurvy.",
        "She was vaccinated against hepatitis B.",
        "The answer is a matter of taste.",
        "The answer is hepatitis B.",
        "None of these drugs fits.",
        "The aspirine would be best, much like ibuprofene.",
        "The patient cannot provide a history.",
        "A. Aspirin\nB. Ibuprofen\nC. Warfarin\nD. Heparin",
        'The last line must be "Answer: X", where X is one of the letters A, B, C, D.',
        "<unknown>",
        "She is ill (A patient of ours).",
        "Aspirin is a drug, and so are heparin and warfarin.",
    )
] + [
    Shape("I think that it is hard to say.", None, state="unreadable", choices=TEN),
    Shape(
        "There was no difference, and yes, it was large.", None, state="unreadable", choices=ANSWERS
    ),
]
READ = [*LINES, *LANGUAGES, *FIELDS, *ALONE, *SENTENCES, *MARKS, *TEXTS, *THINKING]
UNREAD = [*UNFINISHED, *EMPTY, *REFUSED, *UNREADABLE]
