"""What is read from screens: names through the mistakes that reading makes."""

from __future__ import annotations

import pytest

from proctorhub.domain.screen import forbidden_found, is_shown


@pytest.mark.parametrize(
    ("line", "name", "found"),
    [
        ("Telegram Desktop", "Telegram", True),
        ("TELEGRAM", "telegram", True),
        ("Te1egram", "Telegram", True),
        ("TeIegram (3)", "Telegram", True),
        ("Chat - Visua1 Studio C0de", "Visual Studio Code", True),
        ("VisualStudioCode", "Visual Studio Code", True),
        ("Телеграм", "телеграм", True),
        ("WhatsApp Web — Mozilla Firefox", "WhatsApp", True),
        ("Zoom Meeting", "Zoom", True),
        ("Zoomed picture", "Zoom", False),
        ("AnyDeskription", "Any", False),
        ("Exam: telegraphy", "Telegram", False),
        ("Discordant harmonies, task 4", "Discord", False),
        ("Steam viewership - Files", "TeamViewer", False),
        ("TelegramDesktop", "Telegram", True),
        ("Telegram3", "Telegram", True),
        ("(12)Telegram", "Telegram", True),
        ("Files Whats App", "WhatsApp", True),
        ("Te Iegram", "Telegram", True),
        ("discord.com/channels", "Discord", True),
        ("Any Desk", "Any", True),
        ("A ny", "Any", False),
        ("", "Telegram", False),
        ("Telegram", "", False),
        ("···", "!?", False),
    ],
)
def test_names_are_found_as_they_are_read(line, name, found) -> None:
    assert forbidden_found([line, "Files"], [name]) == ((name,) if found else ())


def test_each_name_is_told_once_in_the_order_of_the_list() -> None:
    lines = ["TeamViewer - Telegram", "Telegram"]
    names = ["Telegram", "Discord", "TeamViewer"]
    assert forbidden_found(lines, names) == ("Telegram", "TeamViewer")


SIGNS = ["Linear algebra, final examination", "lms.example.edu"]


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["Linear algebra, final examination - Chromium"], True),
        (["Linear aIgebra , flnal", "examination"], True),
        (["https://Ims.example.edu/mod/quiz/attempt.php"], True),
        (["lms. example. edu/mod"], True),
        (["Linear regression - Wikipedia"], False),
        (["YouTube"], False),
        ([], None),
        (["···"], None),
    ],
)
def test_the_exam_is_shown_when_a_sign_of_it_is_read(lines, shown) -> None:
    assert is_shown(lines, SIGNS) is shown
