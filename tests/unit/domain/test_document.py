"""What lines of a document say: name and number, from the zone where there is one."""

from __future__ import annotations

import pytest

from proctorhub.domain import document
from proctorhub.domain.names import Match
from tests.identity_documents import zone

PASSPORT = zone("TD3", "ERIKSSON", "ANNA MARIA", "L898902C3")
CARD = zone("TD1", "ERIKSSON", "ANNA MARIA", "D23145890")


@pytest.mark.parametrize(("lines", "number"), [(PASSPORT, "L898902C3"), (CARD, "D23145890")])
def test_a_zone_is_read(lines, number) -> None:
    found = document.read("Anna Maria Eriksson", ["UTOPIA", "Surname", *lines])
    assert (found.name.match, found.number) == (Match.SAME, number)
    assert (found.birth_date, found.expiry_date) == ("90-05-15", "2031-04-15")
    assert found.zone is not None and found.zone.valid


def test_somebody_elses_document() -> None:
    found = document.read("Ivan Petrov", ["UTOPIA", *PASSPORT])
    assert found.name.match is Match.DIFFERENT


def test_a_zone_against_the_print_above_it_is_unsure() -> None:
    """The zone's names carry no check digit: OCR may have misread them."""
    other = zone("TD3", "QWRTZ", "XX", "L898902C3")
    found = document.read("Anna Eriksson", ["Surname ERIKSSON", "Given names ANNA", *other])
    assert found.name.match is Match.UNSURE


def test_what_its_check_digit_denies_is_not_read() -> None:
    names, second = zone("TD3", "ERIKSSON", "ANNA MARIA", "379374973")
    changed = second.replace("379374973", "379374974")
    found = document.read("Anna Maria Eriksson", [names, changed])
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
        ([], None),
    ],
)
def test_numbers_without_a_zone(lines, number) -> None:
    assert document.printed_number(lines) == number


def test_a_card_without_a_zone_bears_the_name() -> None:
    lines = ["UNIVERSITY OF UTOPIA", "Eriksson", "Anna Maria", "No. 48213376"]
    found = document.read("Anna Eriksson", lines)
    assert (found.name.match, found.number, found.zone) == (Match.SAME, "48213376", None)
