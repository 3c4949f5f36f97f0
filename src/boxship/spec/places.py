"""Where, in a merged document, a service says something: the addresses of what is wrong between its parts."""

from typing import NamedTuple

from boxship.spec.scalars import text_of
from boxship.spec.shape import unset_hint
from boxship.spec.tree import Items, Node, Scalar, Table
from boxship.where import Where

_NAMESPACES = ("network_mode", "ipc", "pid")


class Place(NamedTuple):
    """A key path and where it stands."""

    path: str
    where: Where


class Places:
    """Looks things up in the document; what isn't found is at the service's own place."""

    def __init__(self, document: Table | None) -> None:
        self._services = _table(document, "services")

    def service(self, name: str) -> Table | None:
        found = self._services.entries.get(name) if self._services is not None else None
        return found if isinstance(found, Table) else None

    def key(self, service: str, key: str = "") -> Place:
        """A key of a service; "" is the service itself."""
        table = self.service(service)
        where = self._services.at(service) if self._services is not None else Where("")
        if table is not None and key in table.keys:
            where = table.keys[key]
        elif table is not None:
            where = table.where
        path = f"services.{service}"
        return Place(f"{path}.{key}" if key else path, where)

    def value(self, service: str, key: str) -> Place:
        """The value of a service's key."""
        table = self.service(service)
        node = table.entries.get(key) if table is not None else None
        place = self.key(service, key)
        return place if node is None else Place(place.path, node.where)

    def unset(self, service: str, key: str) -> str:
        """Names the variables without a value in the value of a service's key; "" for none."""
        table = self.service(service)
        node = table.entries.get(key) if table is not None else None
        return unset_hint(node) if node is not None else ""

    def entry(self, service: str, key: str, name: str) -> Place:
        """What a mapping says under ``name``, or a list says as ``name`` or ``name:...``."""
        table = self.service(service)
        node = table.entries.get(key) if table is not None else None
        place = self.key(service, key)
        if isinstance(node, Table) and name in node.keys:
            return Place(place.path, node.keys[name])
        items = node.items if isinstance(node, Items) else ()
        found = next((item for item in items if isinstance(item, Scalar) and _is_named(item, name)), None)
        return place if found is None else Place(place.path, found.where)

    def mount(self, service: str, target: str) -> Place:
        """The entry of ``volumes`` that appears at ``target``."""
        return self._item(service, "volumes", "target", target)

    def port(self, service: str, target: int, published: str) -> Place:
        """The entry of ``ports`` that gives ``target`` the host's port ``published``."""
        return self._item(service, "ports", "target", str(target), "published", published)

    def dependency(self, service: str, name: str) -> Place:
        """What makes ``service`` depend on ``name``: depends_on, a link, volumes_from or a shared namespace."""
        table = self.service(service)
        entries = table.entries if table is not None else {}
        for key in _NAMESPACES:
            if _text(entries.get(key)) == f"service:{name}":
                return self.value(service, key)
        written = entries.get("depends_on")
        is_written = isinstance(written, Table) and name in written.entries
        implied = (key for key in ("links", "volumes_from") if not is_written and _names(entries.get(key), name))
        return self.entry(service, next(implied, "depends_on"), name)

    def _item(self, service: str, key: str, *pairs: str) -> Place:
        wanted = tuple(zip(pairs[::2], pairs[1::2], strict=True))
        table = self.service(service)
        node = table.entries.get(key) if table is not None else None
        for index, item in enumerate(node.items if isinstance(node, Items) else ()):
            if isinstance(item, Table) and all(_text(item.entries.get(name)) == text for name, text in wanted):
                return Place(f"services.{service}.{key}[{index}]", item.where)
        return self.key(service, key)


def _table(node: Table | None, key: str) -> Table | None:
    found = node.entries.get(key) if node is not None else None
    return found if isinstance(found, Table) else None


def _text(node: Node | None) -> str | None:
    return text_of(node.value) if isinstance(node, Scalar) else None


def _names(node: Node | None, name: str) -> bool:
    items = node.items if isinstance(node, Items) else ()
    return any(isinstance(item, Scalar) and _is_named(item, name) for item in items)


def _is_named(item: Scalar, name: str) -> bool:
    text = text_of(item.value)
    return text == name or text.startswith(f"{name}:")
