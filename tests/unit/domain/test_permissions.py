"""Whose business a session is."""

from __future__ import annotations

import pytest

from proctorhub.domain.permissions import Actor, Parties, Standing, standing, visible_to

PARTIES = Parties("anna", "paul", "uni")
UNTAKEN = Parties("anna", None, "uni")


@pytest.mark.parametrize(
    ("who", "roles", "institution", "parties", "expected"),
    [
        ("anna", {"candidate"}, "uni", PARTIES, Standing.CANDIDATE),
        ("otto", {"candidate"}, "uni", PARTIES, Standing.NONE),
        ("paul", {"proctor"}, "uni", PARTIES, Standing.PROCTOR),
        ("petra", {"proctor"}, "uni", PARTIES, Standing.NONE),
        ("petra", {"proctor"}, "uni", UNTAKEN, Standing.READER),
        ("petra", {"proctor", "reviewer"}, "uni", PARTIES, Standing.READER),
        ("rita", {"reviewer"}, "uni", PARTIES, Standing.READER),
        ("rita", {"reviewer"}, "other", PARTIES, Standing.NONE),
        ("paul", {"proctor"}, "other", PARTIES, Standing.NONE),
        ("paul", {"candidate"}, "uni", PARTIES, Standing.NONE),
        ("anna", {"candidate", "reviewer"}, "uni", PARTIES, Standing.CANDIDATE),
        ("adam", {"admin"}, "uni", PARTIES, Standing.READER),
    ],
)
def test_standing(who, roles, institution, parties, expected) -> None:
    assert standing(Actor(who, who, frozenset(roles), institution), parties) is expected


@pytest.mark.parametrize("kind", ["note", "still.taken", "evidence.read", "segment.stored"])
def test_what_candidates_do_not_see(kind) -> None:
    assert visible_to("staff", kind) and not visible_to("candidate", kind)


@pytest.mark.parametrize("kind", ["chat", "warning", "state.running", "gap.noted"])
def test_what_both_see(kind) -> None:
    assert visible_to("staff", kind) and visible_to("candidate", kind)
