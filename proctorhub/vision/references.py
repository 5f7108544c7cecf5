"""The face a session's candidate was identified with, embedded once for each session."""

from __future__ import annotations

import structlog

from proctorhub.plugins import Capability, Face, FaceGeometry
from proctorhub.services import identification
from proctorhub.vision import camera
from proctorhub.vision.camera import Reference
from proctorhub.vision.composition import Composition
from proctorhub.vision.pictures import Decoder, Picture, UndecodablePicture

log = structlog.get_logger(__name__)


class References:
    """Call it from the thread that uses the backends."""

    def __init__(self, backends: Composition) -> None:
        self._backends = backends
        self._decoder = Decoder()
        self._known: dict[str, tuple[str, Reference | None]] = {}

    def of(self, session_id: str, still_id: str | None) -> Reference | None:
        """Return the reference; None without one, or where its embedding would say nothing.

        A face that was turned away or small when it was approved differs from the same face seen
        straight as another person's does: nobody is accused by it, and the detector is not served.
        """
        if still_id is None or Capability.EMBED not in self._backends:
            return None
        known = self._known.get(session_id)
        if known is None or known[0] != still_id:
            known = still_id, self._embed(session_id, still_id)
            self._known[session_id] = known
        return known[1]

    def keep_only(self, session_ids: frozenset[str]) -> None:
        """Forget the faces of other sessions: they are over."""
        for session_id in self._known.keys() - session_ids:
            del self._known[session_id]

    def _embed(self, session_id: str, still_id: str) -> Reference | None:
        jpeg = identification.reference_still(still_id)
        backend = self._backends[Capability.EMBED]
        limits = backend.match_thresholds
        assert backend.space_id is not None and limits is not None
        try:
            picture = self._decoder.decode(jpeg or b"")
        except UndecodablePicture as error:
            log.warning("reference_unusable", session_id=session_id, error=str(error))
            return None
        (faces,) = self._backends[Capability.DETECT].detect([picture.image])
        person = max(faces, key=lambda face: face.area, default=None)
        found = None
        if person:
            geometry = self._geometry(picture, person)
            if camera.comparable(person, geometry, limits.least_score):
                found = backend.embed(picture.image, person)
        if found is None:
            log.warning("reference_unusable", session_id=session_id, error="no face seen straight")
            return None
        return Reference(backend.space_id, found, limits)

    def _geometry(self, picture: Picture, person: Face) -> FaceGeometry | None:
        backend = self._backends.backends.get(Capability.POSE)
        return backend.geometry(picture.image, person) if backend else None
