from __future__ import annotations

import pytest

from proctorhub.media.sdp import MAX_CANDIDATES, BadOffer, clean_candidates, read_fragment

HOST = "a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host"
MDNS = "a=candidate:2 1 udp 2122260223 2f1c6a3e-0000-4000-8000-000000000000.local 50001 typ host"


def test_mdns_names_and_the_end_mark_are_taken_out() -> None:
    cleaned = clean_candidates("\n".join(["v=0", HOST, MDNS, "a=end-of-candidates", "a=mid:0"]))
    assert cleaned == f"v=0\r\n{HOST}\r\na=mid:0\r\n"


def test_too_many_candidates_are_refused() -> None:
    clean_candidates("\n".join([HOST] * MAX_CANDIDATES))
    with pytest.raises(BadOffer):
        clean_candidates("\n".join([HOST] * (MAX_CANDIDATES + 1)))
    with pytest.raises(BadOffer):
        read_fragment("\n".join([HOST] * (MAX_CANDIDATES + 1)))


def test_a_fragment_gives_candidates_with_their_lines() -> None:
    text = f"a=ice-ufrag:abcd\r\na=mid:0\r\n{HOST}\r\n{MDNS}\r\na=mid:1\r\n{HOST}\r\n"
    ufrag, found = read_fragment(text)
    assert ufrag == "abcd"
    assert found == [("0", HOST[12:]), ("1", HOST[12:])]
    assert read_fragment("") == ("", [])
