from __future__ import annotations

import pytest

from proctorhub.live.allowance import Allowance
from proctorhub.live.gate import Gate, GateFull


def test_a_gate_holds_no_more_than_fit():
    gate = Gate(limit=2, per_holder=2)
    gate.enter("a")
    gate.enter("b")
    with pytest.raises(GateFull) as full:
        gate.enter("c")
    assert full.value.code == "sockets_full"
    gate.leave("a")
    gate.enter("c")
    assert gate.count == 2


def test_one_holder_cannot_take_all():
    gate = Gate(limit=10, per_holder=1)
    gate.enter("a")
    with pytest.raises(GateFull) as full:
        gate.enter("a")
    assert full.value.code == "too_many_connections"
    gate.enter("b")


def test_a_place_is_given_back_whatever_happens():
    gate = Gate(limit=1, per_holder=1)
    with pytest.raises(StopIteration), gate.place("a"):
        raise StopIteration
    assert gate.count == 0


def test_a_burst_then_a_steady_rate():
    now = 0.0
    allowance = Allowance(burst=3, per_second=2, clock=lambda: now)
    assert [allowance.spend() for _ in range(4)] == [True, True, True, False]
    now = 0.5
    assert [allowance.spend() for _ in range(2)] == [True, False]
    now = 100.0
    assert [allowance.spend() for _ in range(4)] == [True, True, True, False]
