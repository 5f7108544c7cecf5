from __future__ import annotations

import pytest

from proctorhub.domain.metrics_access import may_read

TOKEN = "a token of some length"


@pytest.mark.parametrize(
    ("token", "authorization", "address", "forwarded", "allowed"),
    [
        (None, "", "127.0.0.1", False, True),
        (None, "", "::1", False, True),
        (None, "", "::ffff:127.0.0.1", False, True),
        (None, "", "127.0.0.1", True, False),
        (None, "", "192.0.2.7", False, False),
        (None, "", "::ffff:192.0.2.7", False, False),
        (None, "", "not an address", False, False),
        (None, "", None, False, False),
        (None, f"Bearer {TOKEN}", "192.0.2.7", False, False),
        (TOKEN, f"Bearer {TOKEN}", "192.0.2.7", True, True),
        (TOKEN, "", "127.0.0.1", False, False),
        (TOKEN, "Bearer another", "127.0.0.1", False, False),
        (TOKEN, "Bearer déjà", "192.0.2.7", False, False),
    ],
)
def test_who_may_read(token, authorization, address, forwarded, allowed) -> None:
    found = may_read(token, authorization=authorization, address=address, forwarded=forwarded)
    assert found is allowed
