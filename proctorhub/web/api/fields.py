"""Types that bodies, queries and answers are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

_EARLIEST, _LATEST = 2000, 2199


def _to_utc(moment: datetime) -> datetime:
    if not _EARLIEST <= moment.year <= _LATEST:
        raise ValueError(f"the year must be {_EARLIEST} to {_LATEST}")
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


#: A time with a zone, kept in UTC to the millisecond.
Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Ids = Annotated[list[Id], Field(max_length=10_000)]


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def unchanged() -> Any:
    """Return the default of a field that a change may leave out; null is not a value for it."""
    return Field(default=None, json_schema_extra=_without_default)


class Body(BaseModel):
    """A JSON body: what it does not know, it refuses; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The query of an address: text that is converted, and nothing unknown."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What comes back; used to describe answers, and by the tests to check them."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    """A body without content: `{}`, or none at all."""
