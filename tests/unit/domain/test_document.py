"""What lines of a document say: name and number, from the zone where there is one."""

from __future__ import annotations

from datetime import date

import pytest

from proctorhub.domain import document, printed_dates
from proctorhub.domain.names import Match
from tests.identity_documents import zone

TODAY = date(2026, 11, 21)
PASSPORT = zone("TD3", "ERIKSSON", "ANNA MARIA", "L898902C3")
CARD = zone("TD1", "ERIKSSON", "ANNA MARIA", "D23145890")

#: Every digit another.
WORN = str.maketrans("0123456789", "1234567890")


@pytest.mark.parametrize(("lines", "number"), [(PASSPORT, "L898902C3"), (CARD, "D23145890")])
def test_a_zone_is_read(lines, number) -> None:
    found = document.read("Anna Maria Eriksson", ["UTOPIA", "Surname", *lines], TODAY)
    assert (found.name.match, found.number) == (Match.SAME, number)
    assert (found.birth_date, found.expiry_date) == ("1990-05-15", "2031-04-15")
    assert found.zone is not None and found.zone.valid and not found.zone_unread


def test_somebody_elses_document() -> None:
    found = document.read("Ivan Petrov", ["UTOPIA", *PASSPORT], TODAY)
    assert found.name.match is Match.DIFFERENT


def test_a_zone_against_the_print_above_it_is_unsure() -> None:
    """The zone's names carry no check digit: OCR may have misread them."""
    other = zone("TD3", "QWRTZ", "XX", "L898902C3")
    found = document.read("Anna Eriksson", ["Surname ERIKSSON", "Given names ANNA", *other], TODAY)
    assert found.name.match is Match.UNSURE


def test_what_its_check_digit_denies_is_not_read() -> None:
    names, second = zone("TD3", "ERIKSSON", "ANNA MARIA", "379374973")
    changed = second.replace("379374973", "379374974")
    found = document.read("Anna Maria Eriksson", [names, changed], TODAY)
    assert found.number is None
    assert found.zone is not None and not found.zone.valid


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (["Student card", "Name ANNA ERIKSSON", "No. 48213376"], "48213376"),
        (["Matriculation number", "3 0 1", "M-4821337"], "M4821337"),
        (["Born 15.05.1990", "12345678"], "12345678"),
        (["Valid until 31.12.2030", "Anna Eriksson"], None),
        (["№ 4509 123456", "выдан 15.05.1990"], "123456"),
        (["AB12", "1234567890123456789"], None),
        # cards of universities: short beside a label, with a term or a year that is none
        (["UNIVERSITY OF UTOPIA", "Student ID 48213"], "48213"),
        (["48213"], None),
        (["Matrikelnummer", "48213", "Sommersemester 2027"], "48213"),
        (["Student ID", "2026/27"], None),
        (["Student ID", "valid until 09/2027", "s4821337"], "S4821337"),
        (["No. 4821"], None),
        # national documents: letters and digits mixed, beside a label or nine characters long
        (["REPUBLIQUE FRANÇAISE", "N° DU DOCUMENT", "X4RTBPFW4"], "X4RTBPFW4"),
        (["BUNDESREPUBLIK DEUTSCHLAND", "L01X00T47"], "L01X00T47"),
        (["Document No.", "X4RTBPFW4", "Surname ANDERSSON"], "X4RTBPFW4"),
        (["DNI NÚM. 99999999R"], "99999999R"),
        (["CARTA DI IDENTITÀ", "CA00000AA"], "CA00000AA"),
        (["No. SPECI2014"], "SPECI2014"),
        # words are none, be a letter read as a digit
        (["No. HOPPER"], None),
        (["ANDERSS0N", "C0LL1NS"], None),
        ([], None),
    ],
)
def test_numbers_without_a_zone(lines, number) -> None:
    assert document.printed_number(lines) == number


def test_a_card_without_a_zone_bears_the_name() -> None:
    lines = ["UNIVERSITY OF UTOPIA", "Eriksson", "Anna Maria", "No. 48213376"]
    found = document.read("Anna Eriksson", lines, TODAY)
    assert (found.name.match, found.number, found.zone) == (Match.SAME, "48213376", None)
    assert not found.zone_unread


@pytest.mark.parametrize(
    "lines",
    [
        # its zone covered, or outside the picture
        ["UTOPIA", "PASSPORT", "Eriksson", "Anna Maria", "L898902C3"],
        ["PASSPORTPASSEPORT", "Eriksson", "Anna Maria", "L898902C3"],
        ["PASAPORTE / Reisepass", "Eriksson", "Anna Maria", "L898902C3"],
        ["Passeport No", "L898902C3", "Eriksson", "Anna Maria"],
        # only a part of it, or so badly read that no check digit holds
        ["Eriksson", "Anna Maria", "L898902C3", PASSPORT[0]],
        ["Eriksson", "Anna Maria", "No L898902C3", CARD[2].replace("<<", "««")],
        ["Eriksson", "Anna Maria", "L898902C3", PASSPORT[0], PASSPORT[1].translate(WORN)],
    ],
)
def test_a_zone_that_has_to_be_there_is_missed(lines) -> None:
    found = document.read("Anna Eriksson", lines, TODAY)
    assert (found.name.match, found.number, found.zone) == (Match.SAME, "L898902C3", None)
    assert found.zone_unread


@pytest.mark.parametrize(
    ("digits", "printed", "told"),
    [
        # by age: 10 to 105 years
        ("900515", [], "1990-05-15"),
        ("051121", [], "2005-11-21"),
        ("161121", [], "2016-11-21"),
        ("260101", [], "1926-01-01"),  # ten months or a hundred years
        ("161122", [], "16-11-22"),  # a day too young, or 109
        ("210601", [], "1921-06-01"),
        ("201122", [], "1920-11-22"),
        ("201120", [], "20-11-20"),  # five years or 106
        # what is printed in full decides
        ("201120", ["20.11.1920"], "1920-11-20"),
        ("201120", ["Born 20 NOV/NOV 2020"], "2020-11-20"),
        ("900515", ["15.05.1890"], "1990-05-15"),
        ("900515", ["15.05.1990", "2019-03-01"], "1990-05-15"),
        # … unless it is another date, short, in the future, or printed twice with two centuries
        ("201120", ["21.11.1920", "20.11.20"], "20-11-20"),
        ("261225", ["25.12.2026"], "1926-12-25"),
        ("201120", ["20.11.1920", "20.11.2020"], "20-11-20"),
        # not known in full
        ("90<<<<", [], "90-<<-<<"),
        ("900000", ["00.00.1990"], "90-00-00"),
    ],
)
def test_the_century_of_a_birth(digits, printed, told) -> None:
    assert document.birth_date(digits, list(printed_dates.find(printed)), TODAY) == told


FULL = ["Surname ERIKSSON", "Given names ANNA MARIA", "No L898902C3", "15.05.1990", "15 APR 2031"]


@pytest.mark.parametrize(
    ("printed", "confirmed"),
    [
        (FULL, True),
        (["ERIKSSON, ANNA MARIA", "L8989 02C3 15/05/90 15/04/31"], True),
        ([], False),
        (FULL[1:], False),
        ([*FULL[:2], *FULL[3:]], False),
        ([line.replace("C3", "CB") for line in FULL], False),
        ([line.replace("1990", "1996") for line in FULL], False),
        (FULL[:4], False),
        ([line.replace("L898", "XL898") for line in FULL], False),
    ],
)
def test_the_print_confirms_a_zone(printed, confirmed) -> None:
    """In everything that is taken from it, and the zone is no witness for itself."""
    for lines in (
        [*printed, *PASSPORT],
        [*PASSPORT, *printed],
        ["UTOPIA", "", *printed, *PASSPORT],
    ):
        found = document.read("Anna Maria Eriksson", lines, TODAY)
        assert found.zone is not None and found.zone.valid
        assert found.confirmed is confirmed
