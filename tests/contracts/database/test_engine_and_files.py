"""MongoEngine and GridFS, as the platform uses them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import gridfs
import pytest
from gridfs.errors import NoFile
from mongoengine import (
    CASCADE,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentListField,
    IntField,
    NotUniqueError,
    ReferenceField,
    StringField,
    connect,
    disconnect,
)
from pymongo.database import Database

ALIAS = "database-contract"
CHUNK = 255 * 1024


class Person(Document):
    login = StringField(required=True, unique=True)
    meta = {"db_alias": ALIAS, "indexes": [("login", "-id")]}


class Mark(EmbeddedDocument):
    question = IntField()
    points = IntField(default=0)


class Sitting(Document):
    person = ReferenceField(Person, reverse_delete_rule=CASCADE)
    state = StringField(default="planned")
    marks = EmbeddedDocumentListField(Mark)
    meta = {"db_alias": ALIAS, "indexes": ["person", ("state", "person")]}


@pytest.fixture
def engine(mongodb_uri: str, db: Database[dict[str, Any]]) -> Iterator[None]:
    connect(db.name, alias=ALIAS, host=mongodb_uri, uuidRepresentation="standard")
    Person.ensure_indexes()
    Sitting.ensure_indexes()
    yield
    disconnect(ALIAS)
    for model in (Person, Sitting):
        model._collection = None


@pytest.mark.usefixtures("engine")
def test_documents_references_and_conditional_updates() -> None:
    ada = Person(login="ada").save()
    with pytest.raises(NotUniqueError):
        Person(login="ada").save()
    sitting = Sitting(person=ada, marks=[Mark(question=1), Mark(question=2)]).save()
    claim = Sitting.objects(id=sitting.id, state="planned")
    assert claim.modify(set__state="running", new=True).state == "running"
    assert claim.modify(set__state="running", new=True) is None
    Sitting.objects(id=sitting.id, marks__question=2).update(set__marks__S__points=5)
    Sitting.objects(id=sitting.id).update(push__marks=Mark(question=3))
    sitting.reload()
    assert [(m.question, m.points) for m in sitting.marks] == [(1, 0), (2, 5), (3, 0)]
    assert Sitting.objects(person=ada, marks__match={"question": 2, "points": 5}).count() == 1
    assert Sitting.objects(state__in=["running", "paused"]).order_by("-id").first() == sitting
    ada.delete()
    assert Sitting.objects.count() == 0


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3_000_000])
def test_files_of_any_size(db: Database[dict[str, Any]], size: int) -> None:
    files, data = gridfs.GridFS(db), os.urandom(size)
    number = files.put(data, filename="still.jpg", metadata={"session": 1})
    assert files.get(number).read() == data
    assert db["fs.chunks"].count_documents({"files_id": number}) == -(-size // CHUNK)
    files.delete(number)
    assert not files.exists(number)
    assert db["fs.chunks"].count_documents({}) == 0


def test_a_stream_can_be_sought_and_found_by_name(db: Database[dict[str, Any]]) -> None:
    bucket, data = gridfs.GridFSBucket(db, bucket_name="evidence"), os.urandom(1_000_000)
    with bucket.open_upload_stream("a.webm", metadata={"kind": "camera"}) as upload:
        for start in range(0, len(data), 70_000):
            upload.write(data[start : start + 70_000])
    stream = bucket.open_download_stream_by_name("a.webm")
    stream.seek(500_000)
    assert stream.read(100) == data[500_000:500_100]
    (found,) = bucket.find({"metadata.kind": "camera"})
    assert hashlib.sha256(found.read()).digest() == hashlib.sha256(data).digest()
    bucket.delete(upload._id)
    with pytest.raises(NoFile):
        bucket.open_download_stream(upload._id)
