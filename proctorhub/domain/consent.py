"""What a candidate agrees to: the text is versioned, and its hash is recorded with the consent."""

from __future__ import annotations

import hashlib

VERSION = "2026-11b"
_LINES = {
    "en": (
        "For the length of this exam my camera, my microphone and my screen are recorded"
        " and shown live to a proctor.",
        "Before it starts a proctor checks who I am: I show an identity document and my face,"
        " and a picture of each is kept.",
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
        "No decision is taken by a machine: a person signs the conclusion, and I can see it.",
        "I can stop at any time; the exam then counts as ended early.",
    ),
    "ru": (
        "На время экзамена моя камера, мой микрофон и мой экран записываются"
        " и показываются проктору в прямом эфире.",
        "Перед началом проктор проверяет мою личность: я показываю документ и лицо,"
        " и снимок каждого сохраняется.",
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
        "Машина ничего не решает: заключение подписывает человек, и я могу его прочитать.",
        "Я могу остановиться в любой момент; тогда экзамен считается завершённым досрочно.",
    ),
}
#: The same text in every language that it was written in; each has a hash of its own.
TEXTS = {language: "\n".join(lines) for language, lines in _LINES.items()}
DEFAULT = "en"


def language_of(version: str, digest: str) -> str | None:
    """Return the language of today's text with this version and hash; None for any other text."""
    if version != VERSION:
        return None
    return next((name for name, text in TEXTS.items() if sha256(text) == digest), None)


def sha256(text: str) -> str:
    """Return the lower-case hex SHA-256 of the UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()
