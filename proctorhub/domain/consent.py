"""What a candidate agrees to: the text is versioned, and its hash is recorded with the consent."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from proctorhub.domain.session import Tier, admits_alone


class Identification(StrEnum):
    """Who finds out who the candidate is: people alone, with software, or software alone."""

    PEOPLE = "people"
    WITH_SOFTWARE = "with_software"
    SOFTWARE_ALONE = "software_alone"


def identification(tier: Tier, *, software: bool) -> Identification:
    """Return how an exam of a tier identifies."""
    if not software or tier is Tier.NONE:
        return Identification.PEOPLE
    if admits_alone(tier, software=software):
        return Identification.SOFTWARE_ALONE
    return Identification.WITH_SOFTWARE


VERSION = "2026-11c"
_IDENTIFICATION, _DECISION = "identification", "decision"
_LINES = {
    "en": (
        "For the length of this exam my camera, my microphone and my screen are recorded"
        " and shown live to a proctor.",
        _IDENTIFICATION,
        "Software looks for signs that somebody else is there or helps: from the camera whether"
        " my face is there, alone, mine, and where it points; from the microphone for how many"
        " seconds somebody speaks, not what is said; on the screen forbidden applications; from"
        " this page whether it is hidden, left, or its full screen ended, copying and pasting, keys"
        " of developer tools, further displays, the name of my camera, a stopped sharing of the"
        " screen, and lost connections. Which of this applies is for the exam to say.",
        "Every such flag is judged by a person and shown to me afterwards with its picture and"
        " its reason.",
        "What I write to the proctor and what the proctor does are kept in a log"
        " that cannot be changed without it showing.",
        "The recording is read only by the people my institution has charged with this exam,"
        " and every reading is logged.",
        _DECISION,
        "I can stop at any time; the exam then counts as ended early.",
    ),
    "ru": (
        "На время экзамена моя камера, мой микрофон и мой экран записываются"
        " и показываются проктору в прямом эфире.",
        _IDENTIFICATION,
        "Программа ищет признаки того, что рядом кто-то есть или помогает: по камере – видно ли моё"
        " лицо, одно ли оно, моё ли и куда обращено; по микрофону – сколько секунд кто-то говорит,"
        " но не что; на экране – запрещённые приложения; по этой странице – скрыта ли она,"
        " оставлена ли, кончился ли полный экран, копирование и вставка, клавиши разработчика,"
        " другие мониторы, название камеры, прекращённый показ экрана и потери связи. Что из этого"
        " применяется, определяет экзамен.",
        "О каждой такой отметке судит человек, и потом мне показывают её со снимком и причиной.",
        "То, что я пишу проктору, и то, что делает проктор, хранится в журнале,"
        " который нельзя изменить незаметно.",
        "Запись смотрят только люди, которым моё учебное заведение поручило этот экзамен,"
        " и каждый просмотр отмечается в журнале.",
        _DECISION,
        "Я могу остановиться в любой момент; тогда экзамен считается завершённым досрочно.",
    ),
}
_SHOWN = {
    "en": "Before it starts a proctor checks who I am: I show an identity document and my face,"
    " and a picture of each is kept.",
    "ru": "Перед началом проктор проверяет мою личность: я показываю документ и лицо,"
    " и снимок каждого сохраняется.",
}
_COMPARED = {
    "en": "Before it starts software and a proctor check who I am: I show an identity document and"
    " my face, and a picture of each is kept; I make moves that are asked for, and the pictures of"
    " these are removed once they were looked at. Software reads the document, compares my face"
    " with the one on it and, where the exam says so, with the one of my earlier exams. What it"
    " measured is kept, signed, with the log.",
    "ru": "Перед началом программа и проктор проверяют мою личность: я показываю документ и лицо,"
    " и снимок каждого сохраняется; я делаю движения, о которых меня просят, и их снимки удаляются"
    " после проверки. Программа читает документ, сравнивает моё лицо с фотографией в нём и, если"
    " так задано в экзамене, с лицом на моих прежних экзаменах. Результаты измерений хранятся"
    " с подписью вместе с журналом.",
}
_BY_PEOPLE = {
    "en": "No decision is taken by a machine: a person signs the conclusion, and I can see it.",
    "ru": "Машина ничего не решает: заключение подписывает человек, и я могу его прочитать.",
}
_ADMITTED = {
    "en": "In this exam software alone may let me in when it recognises me. It can turn nobody"
    " away: when it is not sure, or finds that something does not match, a person decides. All"
    " else is decided by people: a person signs the conclusion, and I can see it.",
    "ru": "На этом экзамене программа может допустить меня сама, если узнаёт меня. Отказать она не"
    " может: если она не уверена или что-то не совпадает, решает человек. Всё остальное решают"
    " люди: заключение подписывает человек, и я могу его прочитать.",
}


def _text(language: str, how: Identification) -> str:
    people = how is Identification.PEOPLE
    alone = how is Identification.SOFTWARE_ALONE
    filled = {
        _IDENTIFICATION: (_SHOWN if people else _COMPARED)[language],
        _DECISION: (_ADMITTED if alone else _BY_PEOPLE)[language],
    }
    return "\n".join(filled.get(line, line) for line in _LINES[language])


#: The same text in every language that it was written in, by who identifies; each has its hash.
TEXTS = {how: {name: _text(name, how) for name in _LINES} for how in Identification}
DEFAULT = "en"


def language_of(how: Identification, version: str, digest: str) -> str | None:
    """Return the language of today's text with this version and hash; None for any other text."""
    if version != VERSION:
        return None
    return next((name for name, text in TEXTS[how].items() if sha256(text) == digest), None)


def sha256(text: str) -> str:
    """Return the lower-case hex SHA-256 of the UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()
