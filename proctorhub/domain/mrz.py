"""Machine-readable zones of travel documents: ICAO Doc 9303 parts 3 to 6 (TD1, TD2, TD3).

What OCR confuses (O and 0, I and 1, …) is put right only when all check digits hold afterwards.
Where only letters stand, names above all, digits become letters only then. Check digits that hold
make a repair likely, not certain: whoever relies on a repaired zone needs a second source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, product

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
_WEIGHTS = (7, 3, 1)
#: Lines and characters of each format (parts 5, 6 and 4).
FORMATS = {"TD1": (3, 30), "TD2": (2, 36), "TD3": (2, 44)}
#: How many characters OCR may have lost or invented in a line.
SLACK = 4
#: How many characters of the number and the optional data together may be confused.
MOST_REPAIRS = 2
_DIGIT = str.maketrans("OQDUILTZEASGBY", "00001117345684")
_LETTER = str.maketrans("012345678", "OIZEASGTB")
_TWINS = {"O": "0", "0": "OQD", "Q": "0", "D": "0", "I": "1", "1": "I", "Z": "2", "2": "Z"} | {
    "S": "5", "5": "S", "B": "8", "8": "B", "G": "6", "6": "G"
}  # fmt: skip
_OTHERS = str.maketrans({"«": "<<", "‹": "<", "(": "<", "[": "<", "≤": "<", "＜": "<"})


@dataclass(frozen=True)
class Mrz:
    """What a zone says. Dates are `YYMMDD` as printed; names have fillers turned into spaces.

    `checks` tells for each check digit whether it holds; `repaired` counts characters put right
    that check digits alone vouch for; `at` is the first and the last line of it among those that
    were searched.
    """

    format: str
    code: str
    issuer: str
    surname: str
    given_names: str
    number: str
    nationality: str
    birth_date: str
    sex: str
    expiry_date: str
    optional: str
    checks: tuple[tuple[str, bool], ...]
    repaired: int = 0
    at: tuple[int, int] = (0, 0)

    @property
    def valid(self) -> bool:
        """Whether every check digit holds."""
        return all(held for _, held in self.checks)

    def expires(self) -> date | None:
        """Return the last day it is valid; None when the date is not one."""
        return day(self.expiry_date, century=2000)


def check_digit(text: str) -> str:
    """Return the check digit of a field (part 3, section 4.9). Raises ValueError."""
    total = 0
    for place, character in enumerate(text):
        value = 0 if character == "<" else ALPHABET.index(character)
        total += value * _WEIGHTS[place % 3]
    return str(total % 10)


def find(lines: Sequence[str]) -> Mrz | None:
    """Return the zone among lines of text from top to bottom; None when there is none.

    Of several readings the one with the most check digits wins; fewer than two are no zone.
    """
    cleaned = [(place, text) for place, line in enumerate(lines) if (text := _clean(line))]
    readings = [
        replace(_read(name, found), at=(part[0][0], part[-1][0]))
        for name, (count, width) in FORMATS.items()
        for start in range(len(cleaned) - count + 1)
        if (part := cleaned[start : start + count])
        and (found := _sized([text for _, text in part], width))
    ]
    best = max(readings, key=lambda r: (sum(held for _, held in r.checks), r.valid), default=None)
    return best if best and sum(held for _, held in best.checks) >= 2 else None


def leaves_traces(lines: Iterable[str]) -> bool:
    """Tell whether something of a zone is among lines, be it unreadable: no other print has two
    fillers in a row."""
    return any("<<" in _clean(line) for line in lines)


def _clean(line: str) -> str:
    return re.sub(r"[^A-Z0-9<]", "", line.upper().translate(_OTHERS))


def _sized(lines: Sequence[str], width: int) -> list[str] | None:
    if any(abs(len(line) - width) > SLACK for line in lines) or not any("<" in x for x in lines):
        return None
    return list(lines)


def _read(name: str, lines: list[str]) -> Mrz:
    """Return the reading with most check digits over the ways to bring lines to their length."""
    width = FORMATS[name][1]
    best: Mrz | None = None
    for sized in product(*(list(_resized(line, width)) for line in lines)):
        for reading in _readings(name, sized):
            if best is None or sum(h for _, h in reading.checks) > sum(h for _, h in best.checks):
                best = reading
            if best.valid:
                return best
    assert best is not None
    return best


def _resized(line: str, width: int) -> Iterator[str]:
    """Yield ways to give a line its width: OCR miscounts runs of fillers, seldom anything else."""
    missing = width - len(line)
    if missing == 0:
        yield line
        return
    runs = sorted(re.finditer("<+", line), key=lambda run: len(run[0]), reverse=True)
    for run in runs[:2]:
        size = len(run[0]) + missing
        if size >= 1:
            yield line[: run.start()] + "<" * size + line[run.end() :]
    yield (line + "<" * missing)[:width]


def _readings(name: str, lines: Sequence[str]) -> Iterator[Mrz]:
    typed = [_typed(name, number, line) for number, line in enumerate(lines)]
    # What became a letter is no guess: nothing else can stand there.
    pairs = zip("".join(lines), "".join(typed), strict=True)
    changed = sum(a != b and b.isdigit() for a, b in pairs)
    yield from _held(_parse(name, typed, changed))
    yield _parse(name, lines, 0)
    places = [
        (line, at) for line, span in _FREE[name] for at in range(*span) if typed[line][at] in _TWINS
    ]
    for count in range(1, MOST_REPAIRS + 1):
        for chosen in combinations(places, count):
            for twins in product(*(_TWINS[typed[line][at]] for line, at in chosen)):
                tried = [list(line) for line in typed]
                for (line, at), twin in zip(chosen, twins, strict=True):
                    tried[line][at] = twin
                yield from _held(_parse(name, ["".join(x) for x in tried], changed + count))


def _held(reading: Mrz) -> Iterable[Mrz]:
    return (reading,) if reading.valid else ()


#: Places that hold digits alone and letters alone (line, from, to), and the free ones.
_DIGITS = {
    "TD1": ((0, (14, 15)), (1, (0, 7)), (1, (8, 15)), (1, (29, 30))),
    "TD2": ((1, (9, 10)), (1, (13, 20)), (1, (21, 28)), (1, (35, 36))),
    "TD3": ((1, (9, 10)), (1, (13, 20)), (1, (21, 28)), (1, (42, 44))),
}
_LETTERS = {
    "TD1": ((0, (2, 5)), (1, (7, 8)), (1, (15, 18)), (2, (0, 30))),
    "TD2": ((0, (0, 36)), (1, (10, 13)), (1, (20, 21))),
    "TD3": ((0, (0, 44)), (1, (10, 13)), (1, (20, 21))),
}
_FREE = {
    "TD1": ((0, (5, 14)), (0, (15, 30)), (1, (18, 29))),
    "TD2": ((1, (0, 9)), (1, (28, 35))),
    "TD3": ((1, (0, 9)), (1, (28, 42))),
}


def _typed(name: str, number: int, line: str) -> str:
    """Return a line with digits where only digits can be, and letters where only letters can."""
    for table, spans in ((_DIGIT, _DIGITS[name]), (_LETTER, _LETTERS[name])):
        for at, (start, end) in spans:
            if at == number:
                line = line[:start] + line[start:end].translate(table) + line[end:]
    return line


def _parse(name: str, lines: Sequence[str], repaired: int) -> Mrz:
    if name == "TD1":
        first, second, names = lines
        number, number_digit, optional = _long(first[5:14], first[14], first[15:30])
        birth, sex, expiry, nationality = second[0:7], second[7], second[8:15], second[15:18]
        optional, whole = optional + second[18:29], second[29]
        composite = first[5:30] + second[0:7] + second[8:15] + second[18:29]
        head = first
    else:
        head, second = lines
        names, end = head[5:], 35 if name == "TD2" else 42
        number, number_digit, optional = second[0:9], second[9], second[28:end]
        if name == "TD2":
            number, number_digit, optional = _long(number, number_digit, optional)
        nationality, birth, sex, expiry = second[10:13], second[13:20], second[20], second[21:28]
        composite, whole = second[0:10] + second[13:20] + second[21:-1], second[-1]
    checks = [
        ("number", number_digit == check_digit(number)),
        ("birth_date", birth[6] == check_digit(birth[:6])),
        ("expiry_date", expiry[6] == check_digit(expiry[:6])),
        ("composite", whole == check_digit(composite)),
    ]
    if name == "TD3":
        # Without optional data its check digit may be 0 or a filler (part 4, 4.2.2.2).
        empty = not optional.strip("<") and second[42] in "0<"
        checks.append(("optional", empty or second[42] == check_digit(optional)))
    surname, _, rest = names.strip("<").partition("<<")
    given = rest.lstrip("<").split("<<")[0]
    return Mrz(
        format=name,
        code=head[0:2].strip("<"),
        issuer=head[2:5].strip("<"),
        surname=_words(surname),
        given_names=_words(given),
        number=number.strip("<"),
        nationality=nationality.strip("<"),
        birth_date=birth[:6],
        sex=sex if sex in "MF" else "",
        expiry_date=expiry[:6],
        optional=optional.strip("<"),
        checks=tuple(checks),
        repaired=repaired,
    )


def _long(number: str, digit: str, optional: str) -> tuple[str, str, str]:
    """Return a number longer than nine characters, which goes on in the optional data.

    Then a filler stands in place of the check digit (part 5, note j; part 6, note j).
    """
    tail, _, rest = optional.partition("<")
    if digit != "<" or len(tail) < 2:
        return number, digit, optional
    return number + tail[:-1], tail[-1], rest


def _words(field: str) -> str:
    return " ".join(part for part in field.split("<") if part)


def day(text: str, century: int) -> date | None:
    """Return the date of `YYMMDD` in a century; None when it is none, or not wholly known."""
    try:
        return date(century + int(text[0:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None
