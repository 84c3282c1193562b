"""The words that the rules look for, in English and in the languages of our suites.

Parts of regular expressions, matched without regard to case. A quantifier in them is possessive or
bounded: a text of any kind is read in linear time.
"""

ANSWER = (
    r"answer|solution|respuesta|soluci[oó]n|r[ée]ponse|antwort|l[öo]sung|resposta|gabarito"
    r"|risposta|soluzione|odpowied(?:ź|zi[ąa]?)|antwoord|svar|jawaban|đáp án|答案|答え|答|解答|回答|正解"
    r"|정답|해답|답변|답"
)
"""An answer, as it is named before a colon."""
CHOICE = (
    r"option|choice|letter|alternative|opci[oó]n|alternativa|inciso|letra|lettre|choix"
    r"|buchstabe|auswahl|op[çc][ãa]o|opzione|lettera|scelta|opcja|opcj[ęi]|litera|wari?ant"
    r"|选项|選項|选择|選択肢|선택지|보기"
)
"""A choice, as it is named before its letter."""
DESCRIBED = (
    r"final|correct|best|right|my|the|most appropriate|most likely|appropriate|likely|chosen"
    r"|selected|therefore|thus|so|hence|in conclusion|conclusion"
    r"|final|correcta|correcto|mejor|la|el|bonne|meilleure|correcte|finale|die|richtige|korrekte"
    r"|beste|endgültige|correta|certa|melhor|a|corretta|migliore|esatta"
    r"|poprawna|prawidłowa|ostateczna|właściwa|najlepsza"
    r"|最终|最終|正确|正確|正しい|最终的|最終的な|最も適切な|최종|올바른"
)
"""Words between the beginning of a line and the word for the answer."""
IS = (
    r"is|are|was|be|seems|appears|remains|es|ser[íi]a|est|serait|ist|lautet|w[äa]re|[ée]|seria"
    r"|[èe]|sarebbe|to|jest|brzmi"
)
"""Verbs between the word for the answer and its letter."""
IS_UNSPACED = r"应为|應為|应该是|應該是|就是|是|为|為|选|選|は|은|는|이|가"
"""Such verbs of languages that write them without spaces."""
PERHAPS = (
    r"therefore|thus|then|likely|most likely|probably|definitely|clearly|indeed|actually|to be"
    r"|best|the|given by|represented by|described by|la|el|le|die|der|il"
    r"|donc|daher|also|somit|portanto|logo|quindi|dunque|pues|zatem|więc"
    r"|[ao](?= (?:letra|alternativa|op[çc][ãa]o|[*\"(]{0,3}[a-z](?!\w)))"
)
"""Words between such a verb and the letter, beside those for a choice."""
CHOOSE = (
    r"must be|has to be|choose|choosing|chose|select|selecting|selected|pick|picked|go with|going with|opt for"
    r"|elijo|elegir[íi]a|escojo|choisis|choisirais|w[äa]hle|escolho|scelgo|wybieram"
)
"""Verbs before a letter."""
CHOOSE_UNSPACED = r"选择?|選擇?"
AFTER_ANSWER = (
    r"final|finale|correcta|definitiva|correcte|correta|certa|corretta|esatta|poprawna|końcowa"
)
"""Adjectives behind the word for the answer."""
RIGHT = (
    r"correct|right|best|most likely|most appropriate|most suitable|most accurate|final|appropriate"
)
NOT = (
    r"n['’]t|not|never|no|neither|nor|non|nicht|keine?|nie|n[ãa]o|pas|ne|n'|none|ninguna|aucune"
    r"|nessuna|nenhuma|不是|不|非|并非|並非"
)
"""Words before a letter that is not the answer."""
WRONG = (
    r"incorrect|wrong|false|incorrecta|fausse|mauvaise|falsche|errada|sbagliata|błędna|错误|틀린"
)
"""Words before the word for the answer."""
NOT_AFTER = (
    r"(?:is|was|would be|are|ist|est|es|é|è)(?:n't|n’t)?[ ](?:not|incorrect|wrong|less|nicht|pas|no|unlikely)\b"
    r"|(?:is|was|are)n['’]t\b"
    r"|(?:가|이|은|는)?[ ]?(?:아니|아닙|아닌)|(?:では|じゃ)(?:な|あり)"
)
"""Words after a letter that is not the answer."""
DENIED = (
    r"not|never|unlike|rather than|instead of|except|excluding?|excludes|rules? out|ruled out"
    r"|eliminat\w{1,5}|neither|nor|cannot be|than|without|n[o']t|não|nicht|pas|nie|不是"
)
"""Words shortly before a marked letter that is not the answer."""
OR = (
    r"and/or|and|or|y|o|u|et|ou|und|oder|e|lub|oraz|albo|i|en|of|和|或|与|及|以及|或者|と|や|または|及び"
    r"|또는|및|와|과|혹은"
)
"""Words between two letters."""
GOES_ON = (
    r"because|since|as|due|for|is|are|was|were|would|which|that|given|based|with|in|on|over|though"
    r"|but|not|rather|here|however|per|if|from|among|instead|by|to|at|and|or|so|seems|appears"
    r"|porque|ya|car|parce|puisque|weil|da|denn|pois|perch[ée]|poich[ée]|ponieważ|bo|gdyż|gdy"
)
"""Words that can follow a letter. After others it may be the beginning of a name: "B cells"."""
SECOND_THOUGHT = (
    r"\bwait\b|\bactually\b|\bcorrection\b|\bsorry\b|\bapologi[sz]e\b|on second thought|\bmistake"
    r"|\breconsider|\bscratch that\b|\bhmm\b|let me re-?\w{0,10}|\bno,|\bespera\b|\bperd[óo]n\b"
    r"|\battend(?:s|ez)\b|\bmoment\b|\bwarte\b|\bespere\b|\baspetta\b|等等|不对|不對|待って|잠깐|아니다"
)
"""Words with which a model takes an answer back."""
REFUSALS = (
    r"\bI(?:'m| am|’m)? ?(?:(?:sorry|afraid),?(?: but)? ?(?:that )?I(?:'m| am|’m)? ?)?"
    r"(?:cannot|can't|can’t|can not|won't|won’t|will not|must decline|am unable to|unable to|not able to)"
    r" (?:\w{1,12} ){0,2}?(?:provide|give|offer|assist|help|answer|comply|respond|recommend|diagnose|engage"
    r"|fulfil|advise|discuss|choose|select|make|support)",
    r"\bas an? (?:AI|artificial|language model)\b[^.\n]{0,80}\b(?:cannot|can't|can’t|unable|not able|not qualified)",
    r"\bI(?:'m| am|’m) (?:sorry|unable|not able|not qualified|not a (?:doctor|medical|licensed|physician))\b",
    r"\bI (?:must|have to) (?:decline|refuse)\b|\bI (?:decline|refuse) to\b|\bI apologi[sz]e\b",
    r"\b(?:cannot|can't|can’t|unable to|not able to) (?:provide|give|offer) (?:any )?(?:personal )?(?:medical|health) ",
    r"\blo siento\b|\bno puedo (?:proporcionar|dar|ofrecer|ayudar|responder|brindar)",
    r"\bje suis d[ée]sol[ée]|\bd[ée]sol[ée],|\bje ne (?:peux|suis) pas (?:fournir|donner|r[ée]pondre|aider|en mesure)",
    r"\btut mir leid\b|\bich kann (?:keine|dir|ihnen|diese)[^.\n]{0,60}(?:nicht|keine|geben|helfen|beantworten)",
    r"\bdesculpe\b|\bsinto muito\b|\bn[ãa]o posso (?:fornecer|dar|oferecer|ajudar|responder)",
    r"\bmi dispiace\b|\bnon posso (?:fornire|dare|offrire|aiutare|rispondere)",
    r"\bprzepraszam\b|\bprzykro mi\b|\bnie mog[ęe] (?:udzieli|poda|pom[óo]c|odpowiedzie)",
    r"抱歉|对不起|對不起|我无法|我無法|我不能(?:提供|给出|回答)|不能提供医疗",
    r"申し訳|お答えできません|提供することはできません|回答できません",
    r"죄송|(?:제공|답변|도와)[^.\n]{0,10}(?:수 없|할 수 없)",
)
"""What a model says that will not answer."""
