"""Institutions, users and the tokens of machines."""

from __future__ import annotations

from mongoengine import BooleanField, Document, ListField, StringField

from proctorhub.domain.permissions import Role
from proctorhub.records.base import UtcField, new_id, utc_now


class Institution(Document):  # type: ignore[misc]
    """Whose exams these are."""

    id = StringField(primary_key=True, default=new_id)
    name = StringField(required=True, max_length=200)
    meta = {"collection": "institutions", "strict": True}


class User(Document):  # type: ignore[misc]
    """Somebody who can sign on. `secret` is what the authenticator keeps of the password."""

    id = StringField(primary_key=True, default=new_id)
    institution_id = StringField(required=True)
    login = StringField(required=True, max_length=200)
    name = StringField(required=True, max_length=200)
    email = StringField(max_length=320, default="")
    roles = ListField(StringField(choices=[role.value for role in Role]))
    secret = StringField()
    must_change_password = BooleanField(default=False)
    active = BooleanField(default=True)
    time_zone = StringField(max_length=60)
    photo = StringField()
    created_at = UtcField(default=utc_now)
    meta = {
        "collection": "users",
        "strict": True,
        "indexes": [
            {"fields": ["login"], "unique": True},
            {"fields": ["institution_id", "roles"]},
        ],
    }


class Token(Document):  # type: ignore[misc]
    """A machine's right to use the API; only the SHA-256 of the token is kept."""

    id = StringField(primary_key=True, default=new_id)
    institution_id = StringField(required=True)
    name = StringField(required=True, max_length=100)
    roles = ListField(StringField(choices=[role.value for role in Role]))
    sha256 = StringField(required=True)
    created_at = UtcField(default=utc_now)
    created_by = StringField(required=True)
    meta = {
        "collection": "tokens",
        "strict": True,
        "indexes": [{"fields": ["sha256"], "unique": True}],
    }
