from __future__ import annotations

from itertools import product

import pytest

from proctorhub.domain.consent import (
    DEFAULT,
    TEXTS,
    VERSION,
    Identification,
    identification,
    language_of,
    sha256,
)
from proctorhub.domain.session import Tier

EVERY = [(how, language) for how, texts in TEXTS.items() for language in texts]


@pytest.mark.parametrize("how", Identification)
def test_every_language_says_as_much_as_the_first(how: Identification) -> None:
    paragraphs = {language: len(text.splitlines()) for language, text in TEXTS[how].items()}
    assert set(paragraphs.values()) == {paragraphs[DEFAULT]}


def test_every_text_has_a_hash_of_its_own() -> None:
    assert len({sha256(TEXTS[how][language]) for how, language in EVERY}) == len(EVERY) == 6


@pytest.mark.parametrize(("how", "language"), EVERY)
def test_a_text_is_known_by_its_version_and_hash(how: Identification, language: str) -> None:
    digest = sha256(TEXTS[how][language])
    assert language_of(how, VERSION, digest) == language
    assert language_of(how, "2020-01", digest) is None
    assert language_of(how, VERSION, sha256(TEXTS[how][language] + " ")) is None
    for other in set(Identification) - {how}:
        assert language_of(other, VERSION, digest) is None


def test_only_one_text_says_that_software_admits_alone() -> None:
    for tier, software in product(Tier, (True, False)):
        text = TEXTS[identification(tier, software=software)]["en"]
        alone = tier is Tier.AI and software
        assert ("software alone may let me in" in text) == alone
        assert ("No decision is taken by a machine" in text) != alone
        assert ("compares my face" in text) == (software and tier is not Tier.NONE)
