"""What can be wrong with a request: a sentence for the person, a code for the machine."""

from __future__ import annotations

from collections.abc import Mapping


class ServiceError(Exception):
    """The base of all errors that a caller is told about.

    `values` are put into the message's `%(name)s`, in every language.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        field: str | None = None,
        state: str | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.template, self.values = message, values or {}
        self.message = message % values if values else message
        self.code = code
        self.field = field
        self.state = state


class Unauthenticated(ServiceError):
    """We do not know who this is."""


class Forbidden(ServiceError):
    """We know who this is, and they may not."""


class NotFound(ServiceError):
    """There is no such thing, or it is none of the caller's business."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.", code="not_found")


class Conflict(ServiceError):
    """Right request, wrong moment."""


class Busy(ServiceError):
    """Right request, but no room now; worth asking again after `retry_after_s`."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        retry_after_s: int,
        values: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, code=code, values=values)
        self.retry_after_s = retry_after_s


class Invalid(ServiceError):
    """A value that cannot be used; `field` names it."""

    def __init__(self, field: str, message: str, *, code: str = "invalid") -> None:
        super().__init__(message, code=code, field=field)


class TooLarge(ServiceError):
    """Over a size limit."""

    def __init__(self, field: str, limit_bytes: int) -> None:
        super().__init__(
            f"This is too large: the limit is {limit_bytes} bytes.", code="too_large", field=field
        )
