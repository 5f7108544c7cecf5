from __future__ import annotations

import pytest

from proctorhub.domain.consent import DEFAULT, TEXTS, VERSION, language_of, sha256


def test_every_language_says_as_much_as_the_first() -> None:
    paragraphs = {language: len(text.splitlines()) for language, text in TEXTS.items()}
    assert set(paragraphs.values()) == {paragraphs[DEFAULT]}
    assert len({sha256(text) for text in TEXTS.values()}) == len(TEXTS) >= 2


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_is_known_by_its_version_and_hash(language: str) -> None:
    digest = sha256(TEXTS[language])
    assert language_of(VERSION, digest) == language
    assert language_of("2020-01", digest) is None
    assert language_of(VERSION, sha256(TEXTS[language] + " ")) is None
