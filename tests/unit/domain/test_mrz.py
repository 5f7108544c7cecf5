"""Zones from ICAO Doc 9303's own specimens, and what OCR makes of them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import mrz

TD3 = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
]
TD2 = ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"]
TD1 = [
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
]


@pytest.mark.parametrize(
    ("field", "digit"), [("D23145890", "7"), ("740812", "2"), ("AB2134<<<", "5"), ("<" * 14, "0")]
)
def test_check_digits_of_the_standard(field: str, digit: str) -> None:
    assert mrz.check_digit(field) == digit


@pytest.mark.parametrize(
    ("lines", "name", "number"),
    [(TD3, "TD3", "L898902C3"), (TD2, "TD2", "D23145890"), (TD1, "TD1", "D23145890")],
)
def test_specimens_of_the_standard(lines: list[str], name: str, number: str) -> None:
    found = mrz.find(["UTOPIA", "Passport / Passeport", *lines])
    assert found is not None
    assert found.valid
    assert found.repaired == 0
    assert found.at == (2, 1 + len(lines))
    assert (found.format, found.number, found.issuer) == (name, number, "UTO")
    assert (found.surname, found.given_names) == ("ERIKSSON", "ANNA MARIA")
    assert (found.birth_date, found.sex, found.nationality) == ("740812", "F", "UTO")
    assert found.expires() == date(2012, 4, 15)


def test_a_long_number_goes_on_in_the_optional_data() -> None:
    # Part 5, appendix B: D23145890734, check digit 9.
    first = "I<UTOD23145890<7349<<<<<<<<<<<"
    second = "3407127M9507122UTO<<<<<<<<<<<" + mrz.check_digit(
        first[5:30] + "3407127" + "9507122" + "<" * 11
    )
    found = mrz.find([first, second, "STEVENSON<<PETER<JOHN<<<<<<<<<"])
    assert found is not None
    assert found.valid
    assert (found.number, found.given_names) == ("D23145890734", "PETER JOHN")


@pytest.mark.parametrize(
    ("line", "wrong", "repaired"),
    [
        (1, "L8989O2C36UTO7408122F1204159ZE184226B<<<<<10", 1),
        (1, "L898902C36UTO7408I22F12O4159ZE184226B<<<<<10", 2),
        (1, "L898902C36UT07408122F1204159ZE1B4226B<<<<<1O", 2),
        (1, "L898902C36UTO7408122F1204159ZE184226B<<<10", 0),
        (1, "L898902C36UTO7408122F1204159ZE184226B<<<<<<<10", 0),
        (0, "P<UTO3RIK55ON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", 0),
        (0, "P<UT0ERIKSS0N<<ANNA<MARIA<<<<<<<<<<<<<<<<", 0),
        (0, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<KK<<<<<<<", 0),
        (0, "P<UTOERIKSSON«ANNA<MARIA<<<<<<<<<<<<<<<<<<<", 0),
    ],
)
def test_confusions_are_repaired_when_the_check_digits_hold(
    line: int, wrong: str, repaired: int
) -> None:
    """Fillers that were miscounted and letters where nothing else stands are no guesses."""
    lines = list(TD3)
    lines[line] = wrong
    found = mrz.find(lines)
    assert found is not None
    assert found.valid
    assert found.repaired == repaired
    assert (found.number, found.birth_date) == ("L898902C3", "740812")
    assert (found.surname, found.given_names) == ("ERIKSSON", "ANNA MARIA")


def test_what_no_repair_explains_stays_as_it_was_read() -> None:
    altered = TD3[1].replace("740812", "760812")
    found = mrz.find([TD3[0], altered])
    assert found is not None
    assert not found.valid
    assert found.birth_date == "760812"
    assert dict(found.checks) == {
        "number": True,
        "birth_date": False,
        "expiry_date": True,
        "composite": False,
        "optional": True,
    }


@pytest.mark.parametrize(
    "lines", [[], ["HELLO"], ["A" * 44, "B" * 44], ["<" * 44], ["UNIVERSITY<LIBRARY" * 2] * 2]
)
def test_other_text_is_no_zone(lines: list[str]) -> None:
    assert mrz.find(lines) is None


NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=8)
NUMBERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=9, max_size=9)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(lambda d: d.strftime("%y%m%d"))


def passport(surname: str, given_name: str, number: str, birth: str, expiry: str) -> list[str]:
    digit = mrz.check_digit
    body = f"{number}{digit(number)}UTO{birth}{digit(birth)}<{expiry}{digit(expiry)}{'<' * 14}0"
    whole = digit(body[0:10] + body[13:20] + body[21:])
    return [f"P<UTO{surname}<<{given_name}".ljust(44, "<"), body + whole]


@given(NAMES, NAMES, NUMBERS, DATES, DATES)
def test_what_was_written_is_read(
    surname: str, given_name: str, number: str, birth: str, expiry: str
) -> None:
    found = mrz.find(passport(surname, given_name, number, birth, expiry))
    assert found is not None
    assert found.valid
    assert found.repaired == 0
    assert (found.surname, found.given_names, found.number) == (surname, given_name, number)
    assert (found.birth_date, found.expiry_date) == (birth, expiry)


@given(st.integers(13, 27), st.sampled_from("0123456789"))
def test_one_changed_digit_is_never_valid(place: int, digit: str) -> None:
    lines = passport("ERIKSSON", "ANNA", "L898902C3", "740812", "320415")
    if not lines[1][place].isdigit() or lines[1][place] == digit:
        return
    found = mrz.find([lines[0], lines[1][:place] + digit + lines[1][place + 1 :]])
    assert found is None or not found.valid


@given(st.lists(st.text(max_size=50), max_size=6))
def test_any_text_can_be_searched(lines: list[str]) -> None:
    mrz.find(lines)
