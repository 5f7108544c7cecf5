"""Dates as documents print them, and what OCR leaves of their spaces."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import printed_dates

MAY = date(1990, 5, 15)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("15.05.1990", [("900515", MAY)]),
        ("born 15/05/1990 in Utopia", [("900515", MAY)]),
        ("1990-05-15", [("900515", MAY)]),
        ("15. 05. 1990", [("900515", MAY)]),
        ("15-05-90", [("900515", None)]),
        ("05/15/1990", [("900515", MAY)]),
        ("04.05.1990", [("900504", date(1990, 5, 4)), ("900405", date(1990, 4, 5))]),
        ("15 MAY/MAI 90", [("900515", None)]),
        ("15MAY/MAI1990", [("900515", MAY)]),
        ("15 May 1990", [("900515", MAY)]),
        ("15 août / aug 1990", [("900815", date(1990, 8, 15))]),
        ("12 JUIN/JUN 1974", [("740612", date(1974, 6, 12))]),
        ("12 JUL/JUIL 74", [("740712", None)]),
        ("01 ENE 2001", [("010101", date(2001, 1, 1))]),
        ("15.05.1990 - 16.05.2030", [("900515", MAY), ("300516", date(2030, 5, 16))]),
        ("31.02.1990", []),
        ("15.05.0990", []),
        ("15.05.990", []),
        ("15 OLD 1990", []),
        ("4509 123456", []),
        ("192.168.10.250", []),
    ],
)
def test_dates(line, found) -> None:
    assert list(printed_dates.find([line])) == found


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from("./-"))
def test_every_date_is_found(day: date, mark: str) -> None:
    for order in ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%Y{0}%m{0}%d", "%d %b %Y"):
        line = f"on {day.strftime(order.format(mark))} it was"
        assert (printed_dates.yymmdd(day), day) in list(printed_dates.find([line]))


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_can_be_searched(lines: list[str]) -> None:
    list(printed_dates.find(lines))
