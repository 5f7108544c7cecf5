"""Several backends as one: each capability is that of the first, in the settings' order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proctorhub import plugins
from proctorhub.config import Settings
from proctorhub.plugins import Capability, PluginError, VisionBackend


@dataclass(frozen=True)
class Composition:
    """Who is asked for what. `refused` maps a backend that could not be used to its one line."""

    backends: Mapping[Capability, VisionBackend]
    refused: Mapping[str, str]

    def __contains__(self, capability: Capability) -> bool:
        return capability in self.backends

    def __getitem__(self, capability: Capability) -> VisionBackend:
        return self.backends[capability]

    @property
    def missing(self) -> list[Capability]:
        """What nobody can do here: not checked."""
        return [capability for capability in Capability if capability not in self.backends]

    @property
    def space_id(self) -> str | None:
        """The embedding space of whoever embeds."""
        backend = self.backends.get(Capability.EMBED)
        return backend.space_id if backend else None

    def models(self, capabilities: Iterable[Capability]) -> dict[str, str]:
        """Return the hashes of the models behind some capabilities, by the capability's name."""
        return {
            capability.value: self.backends[capability].model_sha256[capability]
            for capability in capabilities
            if capability in self.backends
        }


def compose(settings: Settings) -> Composition:
    """Load the backends that the setting `vision` names.

    One that cannot be used (its extra is not installed, a model is missing) is told in `refused`;
    the rest goes on without it.
    """
    found: dict[Capability, VisionBackend] = {}
    refused: dict[str, str] = {}
    for name in settings.vision_backends:
        try:
            backend = _load(settings, name)
        except PluginError as error:
            refused[name] = str(error)
            continue
        for capability in backend.capabilities:
            found.setdefault(capability, backend)
    return Composition(found, refused)


def _load(settings: Settings, name: str) -> VisionBackend:
    try:
        plugin = plugins.load("vision", name)
    except ImportError as error:
        raise PluginError(f"{name}: {error.name or error} is not installed") from error
    backend: VisionBackend = plugin(settings.plugins.get(name, {}), settings.path("vision"))
    return backend
