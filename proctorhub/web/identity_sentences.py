"""What a person is told for each reason of a check: what happened, and what helps."""

from __future__ import annotations

from flask_babel import lazy_gettext

from proctorhub.domain.identity import Reason

_SENTENCES = {
    Reason.FACE_DIFFERENT: lazy_gettext(
        "The face before the camera does not look like the one on the document."
    ),
    Reason.MOVES_DIFFERENT: lazy_gettext(
        "The person who made the moves does not look like the one on the picture of the face."
    ),
    Reason.ENROLMENT_DIFFERENT: lazy_gettext(
        "The face before the camera does not look like the one of an earlier exam."
    ),
    Reason.NAME_DIFFERENT: lazy_gettext("The name on the document is not that of the profile."),
    Reason.NOT_LIVE: lazy_gettext("The moves that were asked for were not seen."),
    Reason.FACE_UNSURE: lazy_gettext(
        "It could not be said for sure whether the face is the one on the document."
    ),
    Reason.MOVES_UNSURE: lazy_gettext(
        "It could not be said for sure whether the same person made the moves."
    ),
    Reason.ENROLMENT_UNSURE: lazy_gettext(
        "It could not be said for sure whether the face is the one of an earlier exam."
    ),
    Reason.NAME_UNSURE: lazy_gettext(
        "The name on the document could not be read, or is written differently from the profile."
    ),
    Reason.LIVENESS_UNCLEAR: lazy_gettext(
        "The moves could not be seen well. More light from the front helps, and glasses taken off."
    ),
    Reason.NO_FACE_ON_DOCUMENT: lazy_gettext(
        "No photograph was found on the document. Hold it nearer."
    ),
    Reason.NO_FACE: lazy_gettext("No face was found on the picture of the face."),
    Reason.SEVERAL_FACES: lazy_gettext("Somebody else is in the picture of the face."),
    Reason.FACE_TOO_SMALL: lazy_gettext("A face is too small. Come nearer to the camera."),
    Reason.PICTURE_BLURRED: lazy_gettext(
        "The document is hard to read. Hold it still, and let the camera focus."
    ),
    Reason.PICTURE_GLARE: lazy_gettext("Light is mirrored on the document. Tilt it a little."),
    Reason.PICTURE_DOUBTED: lazy_gettext(
        "A picture was sent although the page found it hard to recognise."
    ),
    Reason.DOCUMENT_UNREAD: lazy_gettext("The number of the document could not be read."),
    Reason.ZONE_UNREAD: lazy_gettext(
        "The lines for machines at the foot of the document could not be read. They have to be in"
        " the picture."
    ),
    Reason.ZONE_UNSURE: lazy_gettext(
        "The lines for machines at the foot of the document could not be read without doubt."
    ),
    Reason.ZONE_REPAIRED: lazy_gettext(
        "A character in the lines for machines had to be guessed, and the print above them does"
        " not confirm it. A sharper picture may help."
    ),
    Reason.DOCUMENT_EXPIRED: lazy_gettext("The document has expired."),
    Reason.NOT_CHECKED: lazy_gettext("Software here cannot check all of this; a person does."),
    Reason.NO_ANSWER: lazy_gettext("Software did not answer in time; a person looks at it."),
    Reason.NOBODY_LOOKS: lazy_gettext("No software is running to look at it; a person does."),
}


def sentence(code: str) -> str:
    """Return a reason's sentence in the language of the one who asks."""
    return str(_SENTENCES[Reason(code)])
