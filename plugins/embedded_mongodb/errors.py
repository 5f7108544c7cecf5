"""Errors as MongoDB reports them: a code, its name, a message and, at times, details."""

from __future__ import annotations

from typing import Any

CODES = {
    "InternalError": 1, "BadValue": 2, "FailedToParse": 9, "TypeMismatch": 14,
    "IllegalOperation": 20, "InvalidBSON": 22, "NamespaceNotFound": 26, "IndexNotFound": 27,
    "PathNotViable": 28, "ConflictingUpdateOperators": 40, "CursorNotFound": 43,
    "NamespaceExists": 48, "MaxTimeMSExpired": 50, "DollarPrefixedFieldName": 52,
    "InvalidIdField": 53, "EmptyFieldName": 56, "CommandNotFound": 59, "ImmutableField": 66,
    "CannotCreateIndex": 67, "InvalidOptions": 72, "InvalidNamespace": 73,
    "IndexOptionsConflict": 85, "IndexKeySpecsConflict": 86, "CommandNotSupported": 115,
    "InvalidPipelineOperator": 168, "CannotIndexParallelArrays": 171, "QueryPlanKilled": 175,
    "InvalidIndexSpecificationOption": 197, "NotImplemented": 238, "DataCorruptionDetected": 301,
    "BSONObjectTooLarge": 10334, "DuplicateKey": 11000, "OutOfDiskSpace": 14031,
}  # fmt: skip


class CommandError(Exception):
    """A command that MongoDB would answer with `ok: 0`.

    `name` is a MongoDB error name, or `LocationNNNNN` for the codes that have no name.
    """

    def __init__(self, name: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.name = name
        self.code = CODES[name] if name in CODES else int(name.removeprefix("Location"))
        self.details = details

    def reply(self) -> dict[str, Any]:
        """Return the reply document of a failed command."""
        said = {"ok": 0.0, "errmsg": str(self), "code": self.code, "codeName": self.name}
        return {**said, **self.details}

    def write_error(self, index: int) -> dict[str, Any]:
        """Return the entry of `writeErrors` for the statement at `index`."""
        return {"index": index, "code": self.code, "errmsg": str(self), **self.details}


def require(holds: object, name: str, message: str) -> None:
    """Raise the named error unless something holds that a command may not go without."""
    if not holds:
        raise CommandError(name, message)


def not_supported(what: str) -> CommandError:
    """Return the error for a feature of MongoDB that this server does not have."""
    return CommandError("NotImplemented", f"{what} is not supported by the embedded database")
