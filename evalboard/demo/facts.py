"""The facts and the wording of the demo's questions.

School-level facts, written for this demonstration. Within one relation every subject has exactly
one right answer, and no other answer of that relation is right for it, so that any of them can
stand as a wrong choice. Practice and test ask for the same facts in different words.
"""

from typing import NamedTuple


class Relation(NamedTuple):
    """One kind of fact, and how to ask for it."""

    subjects: dict[str, tuple[str, ...]]
    """Answer -> the subjects that it is right for."""
    practice: tuple[str, ...]
    """Questions with the placeholder `{subject}`, for the practice split."""
    test: tuple[str, ...]
    """The same for the test split, in other words."""

    @property
    def facts(self) -> list[tuple[str, str]]:
        """All (subject, answer) pairs, in the order of the table."""
        return [(subject, answer) for answer, many in self.subjects.items() for subject in many]


BODY_SYSTEMS = Relation(
    subjects={
        "digestive": ("stomach", "liver", "gallbladder", "duodenum", "colon", "oesophagus"),
        "respiratory": ("trachea", "lung", "bronchus", "larynx", "alveolus"),
        "circulatory": ("heart", "aorta", "vena cava", "carotid artery", "jugular vein"),
        "nervous": ("brain", "spinal cord", "cerebellum", "sciatic nerve", "vagus nerve"),
        "urinary": ("kidney", "ureter", "bladder", "nephron"),
        "endocrine": ("thyroid", "pituitary gland", "adrenal gland", "pineal gland"),
        "muscular": ("biceps", "triceps", "deltoid", "hamstring", "quadriceps"),
        "skeletal": ("femur", "humerus", "sternum", "tibia", "mandible"),
        "reproductive": ("uterus", "prostate", "fallopian tube", "epididymis"),
        "lymphatic": ("spleen", "tonsil", "lymph node", "thoracic duct"),
    },
    practice=(
        "To which body system does the {subject} belong?",
        "The {subject} belongs to which system of the body?",
        "Which system is the {subject} part of?",
        "Of which body system is the {subject} a part?",
    ),
    test=(
        "Which body system does the {subject} belong to?",
        "The {subject} is part of which body system?",
    ),
)

BONES = Relation(
    subjects={
        "skull": ("mandible", "maxilla", "parietal bone", "occipital bone"),
        "spine": ("atlas", "axis", "lumbar vertebra", "cervical vertebra"),
        "chest": ("sternum", "rib", "manubrium"),
        "arm": ("humerus", "radius", "ulna"),
        "hand": ("scaphoid", "lunate", "metacarpal", "capitate"),
        "pelvis": ("ilium", "ischium", "pubis"),
        "leg": ("femur", "tibia", "fibula", "patella"),
        "foot": ("calcaneus", "talus", "metatarsal", "cuboid"),
    },
    practice=(
        "Where in the body does the {subject} lie?",
        "The {subject} is a bone of which region?",
        "In which region of the body does the {subject} lie?",
        "Which region is the {subject} in?",
    ),
    test=(
        "In which region is the {subject}?",
        "The {subject} does lie in which region of the body?",
    ),
)

DRUG_CLASSES = Relation(
    subjects={
        "antibiotic": ("amoxicillin", "clarithromycin", "azithromycin", "ciprofloxacin"),
        "antiviral": ("aciclovir", "oseltamivir", "remdesivir", "zidovudine"),
        "antifungal": ("fluconazole", "terbinafine", "nystatin", "itraconazole"),
        "antimalarial": ("chloroquine", "artemether", "mefloquine", "primaquine"),
        "opioid": ("morphine", "fentanyl", "oxycodone", "codeine"),
        "NSAID": ("ibuprofen", "naproxen", "diclofenac", "indomethacin"),
        "beta blocker": ("propranolol", "atenolol", "metoprolol", "bisoprolol"),
        "ACE inhibitor": ("enalapril", "lisinopril", "ramipril", "captopril"),
        "statin": ("simvastatin", "atorvastatin", "rosuvastatin", "pravastatin"),
        "anticoagulant": ("warfarin", "heparin", "apixaban", "rivaroxaban"),
        "diuretic": ("furosemide", "bumetanide", "spironolactone", "indapamide"),
        "SSRI": ("fluoxetine", "sertraline", "citalopram", "paroxetine"),
        "benzodiazepine": ("diazepam", "lorazepam", "midazolam", "alprazolam"),
        "antihistamine": ("cetirizine", "loratadine", "fexofenadine", "desloratadine"),
        "bronchodilator": ("salbutamol", "salmeterol", "formoterol", "terbutaline"),
        "corticosteroid": ("prednisolone", "hydrocortisone", "dexamethasone", "budesonide"),
        "bisphosphonate": ("alendronate", "risedronate", "zoledronate", "ibandronate"),
        "antidiabetic": ("metformin", "gliclazide", "glipizide", "sitagliptin"),
    },
    practice=(
        "To which class of drug does {subject} belong?",
        "What kind of drug is {subject}?",
        "The drug called {subject} belongs to which class?",
        "Which class is the drug {subject} in?",
    ),
    test=(
        "Which class of drug is {subject}?",
        "To which drug class does {subject} belong?",
    ),
)

DRUG_USES = Relation(
    subjects={
        "bacterial infection": DRUG_CLASSES.subjects["antibiotic"],
        "viral infection": DRUG_CLASSES.subjects["antiviral"],
        "fungal infection": DRUG_CLASSES.subjects["antifungal"],
        "malaria": DRUG_CLASSES.subjects["antimalarial"],
        "severe pain": DRUG_CLASSES.subjects["opioid"],
        "high blood pressure": DRUG_CLASSES.subjects["ACE inhibitor"],
        "high cholesterol": DRUG_CLASSES.subjects["statin"],
        "blood clots": DRUG_CLASSES.subjects["anticoagulant"],
        "depression": DRUG_CLASSES.subjects["SSRI"],
        "hay fever": DRUG_CLASSES.subjects["antihistamine"],
        "asthma": DRUG_CLASSES.subjects["bronchodilator"],
        "osteoporosis": DRUG_CLASSES.subjects["bisphosphonate"],
        "diabetes": DRUG_CLASSES.subjects["antidiabetic"],
    },
    practice=(
        "For which condition is {subject} given?",
        "What does {subject} treat?",
        "The drug {subject} is for which condition?",
        "Which condition does the drug {subject} treat?",
    ),
    test=(
        "Which condition does {subject} treat?",
        "The drug {subject} is given for which condition?",
    ),
)


class Wording(NamedTuple):
    """Sentences of the made-up abstracts, for one split."""

    findings: dict[str, tuple[str, ...]]
    """Answer (yes, no, maybe) -> findings with the placeholders `{treatment}` and `{outcome}`."""
    closings: dict[str, tuple[str, ...]]
    """Answer -> last sentences of the abstract."""


TREATMENTS = (
    "a daily walk",
    "green tea",
    "light therapy",
    "a sleep diary",
    "breathing exercise",
    "warm water therapy",
    "a low salt diet",
    "music therapy",
    "balance training",
    "group singing",
)
OUTCOMES = (
    "back pain",
    "sleep quality",
    "blood pressure",
    "mood",
    "grip strength",
    "walking speed",
    "fatigue",
    "headache",
)
PATIENTS = ("adults", "older adults", "nurses", "students", "outpatients", "new mothers")

PRACTICE_WORDING = Wording(
    findings={
        "yes": (
            "The {outcome} of the treated group improved far more than that of the controls.",
            "With {treatment} the {outcome} improved in nearly all patients, a clear difference.",
            "There was a large and significant improvement of {outcome} after {treatment}.",
            "The difference between the groups was large and significant.",
        ),
        "no": (
            "The {outcome} of the treated group was the same as that of the controls.",
            "With {treatment} the {outcome} did not change, and no difference was seen.",
            "There was no improvement of {outcome} after {treatment}.",
            "No difference between the groups was found.",
        ),
        "maybe": (
            "The {outcome} improved in some patients and got worse in others.",
            "With {treatment} the {outcome} improved at one clinic only, for unknown reasons.",
            "There was a small improvement of {outcome}, but many patients left the study.",
            "The difference between the groups was small and uncertain.",
        ),
    },
    closings={
        "yes": ("The effect was clear.", "The benefit lasted for a year."),
        "no": ("There was no effect.", "No benefit was seen after a year."),
        "maybe": ("The effect is uncertain.", "More and larger studies are needed."),
    },
)

TEST_WORDING = Wording(
    findings={
        "yes": (
            "There was a large difference: {outcome} improved far more after {treatment}.",
            "Nearly all treated patients improved, and the difference was significant.",
        ),
        "no": (
            "There was no difference: {outcome} did not change after {treatment}.",
            "The treated patients and the controls were the same after the study.",
        ),
        "maybe": (
            "There was a small difference: {outcome} improved in some patients only.",
            "Some treated patients improved, but others left the study or got worse.",
        ),
    },
    closings={
        "yes": ("A clear benefit was seen.", "The effect of {treatment} was large."),
        "no": ("No effect was found.", "There was no benefit of {treatment}."),
        "maybe": ("The benefit is uncertain.", "Larger studies of {treatment} are needed."),
    },
)
