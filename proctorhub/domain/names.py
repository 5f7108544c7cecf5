"""Is the name on a document the name in the profile?

Spellings are compared, not people: scripts are romanised (Latin and Cyrillic after ICAO Doc 9303
part 3, section 6; Greek after ISO 843), then folded so that the usual ways to romanise one name
meet. Only equality after folding is the same name; a letter more or less is for a person to judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Match(StrEnum):
    """How two names relate."""

    SAME = "same"
    UNSURE = "unsure"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Comparison:
    """The relation, its score (0 to 1000) and the name that was read, as it was read."""

    match: Match
    score: int
    read: str


Word = frozenset[str]

_EQUAL, _INITIAL, _CLOSE = 1000, 700, 600
#: Below this mean over the words of the shorter name two names have too little in common.
_DIFFERENT_BELOW = 450
#: Words of at least this many letters may differ by one letter and still be close.
_CLOSE_FROM = 4

_LATIN = {
    "Ä": "AE",
    "Å": "AA",
    "Æ": "AE",
    "Ö": "OE",
    "Ø": "OE",
    "Œ": "OE",
    "Ü": "UE",
    "ẞ": "SS",
    "Þ": "TH",
    "Ð": "D",
    "Đ": "D",
    "Ħ": "H",
    "Ł": "L",
    "Ĳ": "IJ",
    "Ŋ": "N",
    "Ŧ": "T",
}
_CYRILLIC = {
    **dict(zip("АБВГДЕЗИЙКЛМНОПРСТУФЫІҐ", "ABVGDEZIIKLMNOPRSTUFYIG", strict=True)),
    "Ё": "E",
    "Ж": "ZH",
    "Х": "KH",
    "Ц": "TS",
    "Ч": "CH",
    "Ш": "SH",
    "Щ": "SHCH",
    "Ъ": "IE",
    "Ь": "",
    "Э": "E",
    "Ю": "IU",
    "Я": "IA",
    "Ї": "I",
    "Є": "IE",
    "Ў": "U",
    "Ј": "J",
    "Љ": "LJ",
    "Њ": "NJ",
    "Ђ": "D",
    "Ћ": "C",
    "Џ": "DZ",
    "Ѓ": "G",
    "Ќ": "K",
    "Ѕ": "DZ",
}
_GREEK = {
    **dict(zip("ΑΒΓΔΕΖΗΙΚΛΜΝΞΟΠΡΣΤΥΦΩ", "AVGDEZIIKLMNXOPRSTYFO", strict=True)),
    "Θ": "TH",
    "Χ": "CH",
    "Ψ": "PS",
}
_STANDARD = str.maketrans({**_LATIN, **_CYRILLIC, **_GREEK})
#: What people write in place of the standard's letters; marks of Latin letters are left out.
_USUAL = str.maketrans(
    {**_LATIN, **_CYRILLIC, **_GREEK}
    | {"Ä": "A", "Å": "A", "Ö": "O", "Ø": "O", "Ü": "U", "Ё": "IO", "Г": "H", "Ъ": ""}
)
_KEPT = frozenset("ÄÅÖÜЁЙЇЎЃЌ")
#: Greek vowel pairs, by both tables (ISO 843, type 2), and the first sound of a word.
_PAIRS = (("ΟΥ", "OU", "OU"), ("ΑΥ", "AF", "AV"), ("ΕΥ", "EF", "EV"), ("ΓΓ", "NG", "NG"))
_FOLDS = (("X", "KS"), ("W", "V"), ("KH", "H"), ("TZ", "TS"), ("SHTCH", "SHCH"))


def spellings(word: str) -> Word:
    """Return the folded A–Z spellings of one word; none for a script that has no table here."""
    upper = unicodedata.normalize("NFC", word).upper()
    marked = "".join(c if c in _KEPT else _bare(c) for c in upper)
    found = set()
    for number, table in enumerate((_STANDARD, _USUAL), start=1):
        text = re.sub("^ΜΠ", "B", marked)
        for pair in _PAIRS:
            text = text.replace(pair[0], pair[number])
        text = text.translate(table)
        if any(c.isalpha() and not "A" <= c <= "Z" for c in text):
            return frozenset()
        found.add(_fold(re.sub("[^A-Z]", "", text)))
    return frozenset(found - {""})


def _bare(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _fold(word: str) -> str:
    for usual, one in _FOLDS:
        word = word.replace(usual, one)
    return re.sub("^IE", "E", re.sub("[IYJ]+", "I", word))


def words(name: str) -> list[Word]:
    """Return the words of a name; hyphens part words, apostrophes do not."""
    parts = re.split(r"[\s\-‐‑–,;/<]+", name)
    return [spelled for part in parts if (spelled := spellings(part))]


def compare(profile: str, surname: str, given_names: str) -> Comparison:
    """Compare a profile's name with the name fields of a document.

    Order does not matter and either side may lack middle names, but a surname and the first given
    name must be among what matches.
    """
    read = f"{given_names} {surname}".strip()
    ours = words(profile)
    family, given = words(surname), words(given_names)
    theirs = family + given
    if not ours or not theirs or _unreadable(profile):
        return Comparison(Match.UNSURE, 0, read)
    ours, theirs = _joined(ours, theirs), _joined(theirs, ours)
    pairs = _pairs(ours, theirs)
    fewer = min(len(ours), len(theirs))
    score = sum(score for score, _, _ in pairs) // fewer
    if score < _DIFFERENT_BELOW:
        return Comparison(Match.DIFFERENT, score, read)
    matched = {theirs[there] for _, _, there in pairs}
    essential = len(ours) == len(theirs) or (
        fewer >= 2
        and any(word in matched for word in family)
        and any(_starts(word, given) for word in matched)
    )
    same = score == _EQUAL and essential
    return Comparison(Match.SAME if same else Match.UNSURE, score, read)


def compare_text(profile: str, lines: Iterable[str]) -> Comparison:
    """Look for a profile's name among all words of a document that has no zone.

    Never DIFFERENT: what was not found may be in a script or a place that was not read.
    """
    ours = words(profile)
    theirs = [word for line in lines for word in words(line)]
    if len(ours) < 2 or not theirs or _unreadable(profile):
        return Comparison(Match.UNSURE, 0, "")
    pairs = _pairs(ours, _joined(theirs, ours))
    score = sum(score for score, _, _ in pairs) // len(ours)
    read = profile if score == _EQUAL else ""
    return Comparison(Match.SAME if score == _EQUAL else Match.UNSURE, score, read)


def _unreadable(name: str) -> bool:
    return any(c.isalpha() for p in name.split() if not spellings(p) for c in p)


def _starts(word: Word, given: Sequence[Word]) -> bool:
    """Tell whether a word is the first given name, alone or written as one with the second."""
    return bool(given) and any(w.startswith(tuple(given[0])) for w in word)


def _joined(ours: list[Word], others: Sequence[Word]) -> list[Word]:
    """Return our words with neighbours made one where the other side writes them as one."""
    out: list[Word] = []
    for word in ours:
        if out:
            both = frozenset(_fold(a + b) for a in out[-1] for b in word)
            if any(both & other for other in others):
                out[-1] = both
                continue
        out.append(word)
    return out


def _pairs(ours: Sequence[Word], theirs: Sequence[Word]) -> list[tuple[int, int, int]]:
    """Return (score, our word, their word), best first, each word at most once."""
    scored = sorted(
        (
            (_score(one, other), -here, -there)
            for here, one in enumerate(ours)
            for there, other in enumerate(theirs)
        ),
        reverse=True,
    )
    used: set[tuple[str, int]] = set()
    found = []
    for score, here, there in scored:
        places = {("ours", here), ("theirs", there)}
        if score and not used & places:
            used |= places
            found.append((score, -here, -there))
    return found


def _score(one: Word, other: Word) -> int:
    if one & other:
        return _EQUAL
    initials = (a[0] == b[0] for a in one for b in other if 1 in (len(a), len(b)))
    if any(initials):
        return _INITIAL
    return _CLOSE if any(_one_apart(a, b) for a in one for b in other) else 0


def _one_apart(one: str, other: str) -> bool:
    """Tell whether one letter changed, missing or swapped with its neighbour parts two words."""
    if min(len(one), len(other)) < _CLOSE_FROM or abs(len(one) - len(other)) > 1:
        return False
    start = next(_differences(one, other), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _differences(one: str, other: str) -> Iterator[int]:
    return (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
