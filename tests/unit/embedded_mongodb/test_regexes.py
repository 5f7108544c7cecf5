from __future__ import annotations

import pytest
from proctorhub_plugins.embedded_mongodb.errors import CommandError
from proctorhub_plugins.embedded_mongodb.regexes import compile_regex


@pytest.mark.parametrize(
    ("pattern", "options", "text", "expected"),
    [
        (r"^\w+$", "", "abc_1", True),
        (r"^\w+$", "", "żółw", False),  # PCRE's \w is ASCII
        (r"^[\w-]+$", "", "a-b", True),
        (r"^[\w-]+$", "", "ż", False),
        (r"^\d$", "", "٣", False),
        (r"Ż", "i", "ż", True),
        (r"a\Z", "", "a\n", True),
        (r"a\z", "", "a\n", False),
        (r"[[]x", "", "[x", True),
        (r"a.b", "s", "a\nb", True),
        (r"^b", "m", "a\nb", True),
        (r"a b # c", "x", "ab", True),
        (r"\\d", "", r"\d", True),
        (r"[]a]", "", "]", True),
        (r"[^]a]", "", "]", False),
    ],
)
def test_means_what_pcre_means(pattern: str, options: str, text: str, expected: bool) -> None:
    assert bool(compile_regex(pattern, options).search(text)) is expected


@pytest.mark.parametrize(
    ("pattern", "code"),
    [("[[:alpha:]]", 238), (r"[\W]", 238), ("a{,3}", 238), (r"\u0041", 51091), (r"\Qa\E", 51091),
     ("(", 51091), (r"\p{L}", 51091)],
)  # fmt: skip
def test_refuses_syntax_that_differs(pattern: str, code: int) -> None:
    with pytest.raises(CommandError) as refused:
        compile_regex(pattern)
    assert refused.value.code == code
