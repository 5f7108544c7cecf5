"""What pages send: per exam, and in low-bandwidth mode per session."""

from __future__ import annotations

import pytest


def test_an_exam_sends_720p_unless_told_otherwise(admin, exam):
    camera = exam["media"]["camera"]
    assert (camera["width"], camera["height"], camera["frame_rate"]) == (1280, 720, 15)
    assert camera["codec"] == "vp8"
    change = {"media": {"camera": {"height": 480, "width": 640, "codec": "h264"}}}
    changed = admin.must("PATCH", f"/exams/{exam['id']}", change)["media"]
    assert changed["camera"] == {**camera, "height": 480, "width": 640, "codec": "h264"}
    assert changed["screen"] == exam["media"]["screen"]


def test_a_new_exam_may_say_a_part(admin, draft):
    made = admin.must("POST", "/exams", {**draft, "media": {"low_bandwidth": True}})
    assert made["media"]["low_bandwidth"] is True
    assert made["media"]["camera"]["width"] == 1280


@pytest.mark.parametrize(
    ("media", "field"),
    [
        ({"camera": {"width": 100}}, "media.camera.width"),
        ({"camera": {"width": 641}}, "media.camera.width"),
        ({"screen": {"codec": "av1"}}, "media.screen.codec"),
        ({"microphone_kbit": 500}, "media.microphone_kbit"),
        ({"camera": None}, "media.camera"),
        ({"sound": 1}, "media.sound"),
    ],
)
def test_what_cannot_be_sent_is_named(admin, exam, media, field):
    refused = admin.call("PATCH", f"/exams/{exam['id']}", {"media": media})
    assert (refused.status_code, refused.json["field"]) == (400, field)
    assert admin.must("GET", f"/exams/{exam['id']}")["media"] == exam["media"]


def low(person, sitting, on):
    return person.post(f"/sessions/{sitting.id}/low-bandwidth", {"on": on})


def test_the_proctor_saves_bandwidth_for_one_candidate(sitting, candidate, proctor, person, admin):
    sitting.until("running")
    saving = low(proctor, sitting, True).json["media"]
    assert (saving["low_bandwidth"], saving["low_bandwidth_by"]) == (True, "proctor")
    assert candidate.must("GET", f"/sessions/{sitting.id}")["media"] == saving
    assert saving["camera"]["frame_rate"] <= 3
    assert saving["camera"]["kbit"] + saving["screen"]["kbit"] + saving["microphone_kbit"] < 200
    (entry,) = [
        e
        for e in candidate.must("GET", f"/sessions/{sitting.id}/entries")["items"]
        if e["kind"] == "bandwidth.switched"
    ]
    assert entry["data"] == {"low": True}
    assert entry["actor"]["name"] == "Paul"
    assert low(proctor, sitting, True).status_code == 200
    refused = low(candidate, sitting, False)
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours_to_switch")
    assert low(person("other", "proctor"), sitting, False).status_code == 404
    assert low(admin, sitting, False).status_code == 403
    assert low(proctor, sitting, False).json["media"]["camera"]["height"] == 720
    log = proctor.must("GET", f"/sessions/{sitting.id}/log")["items"]
    assert [e["data"]["low"] for e in log if e["kind"] == "bandwidth.switched"] == [True, False]


def test_candidates_take_back_what_they_switched_themselves(sitting, candidate):
    assert low(candidate, sitting, True).json["media"]["low_bandwidth_by"] == "candidate"
    assert low(candidate, sitting, False).json["media"]["low_bandwidth"] is False
    sitting.until("finished")
    refused = low(candidate, sitting, True)
    assert (refused.status_code, refused.json["state"]) == (409, "finished")


def test_an_exam_can_begin_with_it(admin, exam, sitting, candidate, proctor):
    admin.must("PATCH", f"/exams/{exam['id']}", {"media": {"low_bandwidth": True}})
    media = candidate.must("GET", f"/sessions/{sitting.id}")["media"]
    assert (media["low_bandwidth"], media["low_bandwidth_by"]) == (True, "exam")
    assert low(candidate, sitting, False).status_code == 403
    assert low(proctor, sitting, False).json["media"]["low_bandwidth"] is False


def test_where_no_sound_is_wanted_none_is_sent(admin, exam, sitting, candidate):
    admin.must("PATCH", f"/exams/{exam['id']}", {"rules": {"require_microphone": False}})
    assert candidate.must("GET", f"/sessions/{sitting.id}")["media"]["microphone_kbit"] is None
