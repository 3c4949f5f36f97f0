"""What something beside the container engine would have to give, as values."""

from boxship.spec.fields import Fields
from boxship.spec.model_outside import CredentialSpec, LanguageModel, ModelUse, Provider
from boxship.spec.scalars import text_of
from boxship.spec.tree import Scalar, Table


def build_credential_spec(fields: Fields) -> CredentialSpec | None:
    if not fields.has("credential_spec"):
        return None
    section = fields.table("credential_spec")
    return CredentialSpec(section.filled("config"), section.filled("file"), section.filled("registry"))


def build_provider(fields: Fields) -> Provider | None:
    if not fields.has("provider"):
        return None
    section = fields.table("provider")
    if not section.has("type"):
        fields.complain("provider", "the key 'type' is missing", "say which program provides the service")
    options = section.table("options")
    return Provider(section.text("type") or "", {key: _texts(options, key) for key in section.keys("options")})


def _texts(fields: Fields, key: str) -> tuple[str, ...]:
    node = fields.node(key)
    return (text_of(node.value),) if isinstance(node, Scalar) else fields.texts(key)


def build_model_uses(fields: Fields) -> dict[str, ModelUse]:
    section = fields.table("models")
    uses = ((key, section.table(key)) for key in fields.keys("models"))
    return {key: ModelUse(use.filled("endpoint_var"), use.filled("model_var")) for key, use in uses}


def build_models(fields: Fields) -> dict[str, LanguageModel]:
    """Every declared language model by its key."""
    node = fields.node("models")
    tables = node.entries if isinstance(node, Table) else {}
    section = fields.table("models")
    return {key: _model(key, section.table(key), table) for key, table in tables.items() if isinstance(table, Table)}


def _model(key: str, fields: Fields, table: Table) -> LanguageModel:
    if not fields.has("model"):
        fields.complain("model", "the key 'model' is missing", "say which model runs")
    return LanguageModel(
        key=key,
        model=fields.text("model") or "",
        name=fields.filled("name"),
        context_size=fields.integer("context_size"),
        runtime_flags=fields.texts("runtime_flags"),
        where=table.where,
    )
