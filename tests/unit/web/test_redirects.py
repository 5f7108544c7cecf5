from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.web.auth.redirects import safe_target

HERE = "https://exam.example/login"


@pytest.mark.parametrize("target", ["/", "/desk", "/sit/1?a=b#c", "/a//b"])
def test_own_paths_are_kept(target):
    assert safe_target(target, "/home") == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "desk",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\n//evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a b",
        "//[::1",
    ],
)
def test_everything_else_goes_home(target):
    assert safe_target(target, "/home") == "/home"


@given(st.text(alphabet="/\\:@.evil\t?#[]", max_size=12))
def test_a_browser_stays_here(target):
    there = safe_target(target, "/home").replace("\\", "/").replace("\t", "")
    assert urlsplit(urljoin(HERE, there)).netloc == "exam.example"
