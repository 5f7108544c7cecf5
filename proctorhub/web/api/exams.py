"""Exams and their rules."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from proctorhub.domain.media_settings import BOUNDS, Codec
from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import Tier
from proctorhub.services import exams
from proctorhub.web.api.answers import Exam, Items
from proctorhub.web.api.fields import Body, Ids, Line, Moment, unchanged
from proctorhub.web.api.routing import Resource

resource = Resource("exams")

Minutes = Annotated[int, Field(ge=1, le=1440)]
Rules = Annotated[list[Line], Field(max_length=100)]
Instructions = Annotated[str, StringConstraints(max_length=10_000)]
Url = Annotated[str, StringConstraints(max_length=2000, pattern=r"^(https?://\S+)?$")]


class RulesDraft(Body):
    """What a candidate may use and must show."""

    allowed: Rules = Field(default_factory=list)
    forbidden: Rules = Field(default_factory=list)
    require_screen: bool = True
    require_microphone: bool = True
    instructions: Instructions = ""


def _between(name: str) -> Any:
    least, most = BOUNDS[name]
    return Field(ge=least, le=most)


Width = Annotated[int, _between("width")]
Height = Annotated[int, _between("height")]
FrameRate = Annotated[int, _between("frame_rate")]
Kbit = Annotated[int, _between("kbit")]
MicrophoneKbit = Annotated[int, _between("microphone_kbit")]


class VideoSettings(Body):
    """What is sent of one source: what is left out stays as it is, or as it is usual."""

    width: Width = unchanged()
    height: Height = unchanged()
    frame_rate: FrameRate = unchanged()
    kbit: Kbit = unchanged()
    codec: Codec = unchanged()


class Media(Body):
    """What the exam's pages send: what is left out stays as it is, or as it is usual."""

    camera: VideoSettings = unchanged()
    screen: VideoSettings = unchanged()
    microphone_kbit: MicrophoneKbit = unchanged()
    low_bandwidth: bool = unchanged()


class Identification(Body):
    """How candidates are identified: what is left out stays as it is, or off."""

    software: bool = unchanged()
    enrolment: bool = unchanged()


class ExamDraft(Body):
    """An exam to be made; no `candidates` or `proctors` means every one."""

    title: Line
    opens_at: Moment
    closes_at: Moment
    duration_min: Minutes
    tier: Tier = Tier.AI_HUMAN
    open: bool = False
    rules: RulesDraft = Field(default_factory=RulesDraft)
    identity: Identification = unchanged()
    media: Media = unchanged()
    candidates: Ids = Field(default_factory=list)
    proctors: Ids = Field(default_factory=list)
    url: Url = ""


class RulesChange(Body):
    """The rules that change."""

    allowed: Rules = unchanged()
    forbidden: Rules = unchanged()
    require_screen: bool = unchanged()
    require_microphone: bool = unchanged()
    instructions: Instructions = unchanged()


class ExamChange(Body):
    """What changes."""

    title: Line = unchanged()
    opens_at: Moment = unchanged()
    closes_at: Moment = unchanged()
    duration_min: Minutes = unchanged()
    tier: Tier = unchanged()
    open: bool = unchanged()
    rules: RulesChange = unchanged()
    identity: Identification = unchanged()
    media: Media = unchanged()
    candidates: Ids = unchanged()
    proctors: Ids = unchanged()
    url: Url = unchanged()


@resource.route("GET", "/exams", answer=Items[Exam])
def list_exams(actor: Actor) -> dict[str, Any]:
    """List the exams this person may see."""
    return {"items": exams.list_for(actor)}


@resource.route("POST", "/exams", body=ExamDraft, answer=Exam, status=201)
def create_exam(actor: Actor, body: ExamDraft) -> dict[str, Any]:
    """Set up an exam."""
    partly = body.model_dump(include={"media", "identity"}, exclude_unset=True)
    return exams.create(actor, {**body.model_dump(exclude={"media", "identity"}), **partly})


@resource.route("GET", "/exams/<exam_id>", answer=Exam)
def get_exam(actor: Actor, exam_id: str) -> dict[str, Any]:
    """Read an exam."""
    return exams.get(actor, exam_id)


@resource.route("PATCH", "/exams/<exam_id>", body=ExamChange, answer=Exam)
def update_exam(actor: Actor, exam_id: str, body: ExamChange) -> dict[str, Any]:
    """Change an exam."""
    return exams.update(actor, exam_id, body.model_dump(exclude_unset=True))


@resource.route("DELETE", "/exams/<exam_id>", status=204)
def delete_exam(actor: Actor, exam_id: str) -> None:
    """Remove an exam that nobody has booked or sat."""
    exams.delete(actor, exam_id)
