"""What something beside the container engine would have to give a service; all of it is kept and told."""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.where import Placed, Where


class CredentialSpec(Struct, frozen=True):
    """A managed service account of Windows."""

    config: str | None = None
    file: str | None = None
    registry: str | None = None


class Provider(Struct, frozen=True):
    """A program that provides the service in place of a container."""

    type: str = ""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class ModelUse(Struct, frozen=True):
    """How a service learns of a language model: the names of two variables."""

    endpoint_var: str | None = None
    model_var: str | None = None


class LanguageModel(Placed, frozen=True):
    """A language model by its key."""

    key: str
    model: str = ""
    name: str | None = None
    context_size: int | None = None
    runtime_flags: tuple[str, ...] = ()
    where: Where | None = None
