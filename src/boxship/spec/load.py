"""Reads the files that a vendor wrote into one :class:`Appliance`, or says everything that is wrong with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.errors import SpecError
from boxship.names import APPLIANCE_PATTERN, normalize_appliance_name
from boxship.spec.appliance import ApplianceFile, build_appliance_file
from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.assemble import Assembler
from boxship.spec.check import check_appliance
from boxship.spec.check_file import declared_names
from boxship.spec.crane.adopt import adopt_crane_files, combine
from boxship.spec.crane.translation import Translation
from boxship.spec.documents import Documents, Setting
from boxship.spec.fields import Fields
from boxship.spec.find import SourceFiles, default_env_file, find_compose, find_files, read_env_files
from boxship.spec.held import Held
from boxship.spec.interpolate import SubstitutionError, interpolate, substitute
from boxship.spec.loaded import Loaded, LoadOptions, active_services
from boxship.spec.merge import merge_documents
from boxship.spec.model import Appliance, Attachment, Condition, Network, Service, Volume
from boxship.spec.networks import build_networks, build_volumes
from boxship.spec.outside import build_models
from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from boxship.spec.rules import rule_of
from boxship.spec.secrets import build_shared_files
from boxship.spec.services import ServiceBuilder
from boxship.spec.shape import check_shape, settle_empty
from boxship.spec.sockets import ENGINE_SOCKET
from boxship.spec.source import STDIN, read_text, show_path
from boxship.spec.tree import Plain, Scalar, Table
from boxship.spec.warn import warn_about
from boxship.where import Problem, Where

MAX_SERVICES = 5_000
"""As many are measured; what one of twice as many takes to be shown as JSON is 260 MB."""


def load(options: LoadOptions) -> Loaded:
    """Read, check and resolve the vendor's files.

    Raises:
        SpecError: with every problem of every file, sorted by place.
    """
    return _Loading(options).run()


def load_as_written(options: LoadOptions) -> tuple[Mapping[str, Plain], tuple[Problem, ...]]:
    """The vendor's files as one document in long forms, its variables as they are written, and the warnings.

    Raises:
        SpecError: with what is wrong as far as that can be known without the variables.
    """
    return _Loading(options).run_as_written()


class _Read(Struct, frozen=True):
    """What is known before the files are put together."""

    files: SourceFiles
    declared: ApplianceFile | None
    crane: Translation | None
    compose: tuple[Path, ...]
    name: str
    environment: Mapping[str, str]
    directory: Path


class _Loading:
    """One reading: the steps in order, and what they share."""

    def __init__(self, options: LoadOptions) -> None:
        self._options = options
        self._report = Report(is_lax=options.lax)
        self._start = (Path.cwd() / (options.directory or "")).absolute()
        # A program started without a shell has no PWD, and files say ${PWD}/data.
        self._shell = {"PWD": str(self._start), **options.environ}
        self._documents = Documents(self._start, self._report)
        self._name = ""

    def run(self) -> Loaded:
        read = self._read()
        name, declared, crane, environment = read.name, read.declared, read.crane, read.environment
        merged = self._assemble(read.compose, Setting(read.directory, read.directory, environment))
        profiles = self._profiles(environment)
        paths = (*self._documents.files, *_some(read.files.appliance))
        said = declared if crane is None else combine(declared, crane)
        appliance = self._build(name, merged, said, paths, read.directory, environment)
        active = active_services(appliance, profiles)
        if declared is not None or read.files.appliance is None:  # what an unreadable one would have said isn't known
            check_appliance(appliance, said if declared else None, declared_names(merged), active, self._report)
        warn_about(appliance, merged, environment, self._report)
        appliance = replace(appliance, allowed_engine=self._allowed_engine(appliance))
        self._stop_on_errors()
        all_read = tuple(dict.fromkeys((*paths, *self._report.read)))
        return Loaded(appliance, tuple(self._report.warnings), profiles, crane, all_read)

    def _allowed_engine(self, appliance: Appliance) -> frozenset[str]:
        is_allowed = self._report.is_allowed
        return frozenset(name for name in appliance.services if is_allowed(ENGINE_SOCKET, f"services.{name}"))

    def run_as_written(self) -> tuple[Mapping[str, Plain], tuple[Problem, ...]]:
        read = self._read()
        held = Held(read.environment, read.directory)
        self._documents.held = held
        merged = self._assemble(read.compose, Setting(read.directory, read.directory, read.environment))
        self._stop_on_errors()
        found = held.release(merged, "", self._report) if merged is not None else {}
        self._stop_on_errors()
        document = found if isinstance(found, dict) else {}
        return {**document, "name": read.name}, tuple(self._told(self._report.warnings))

    def _read(self) -> "_Read":
        """The files found and parsed, and what is known before they are put together."""
        environment = self._environment(self._first_directory())
        files = self._guarded(find_files(self._options.files, self._start, environment, self._report))
        declared = self._read_appliance_file(files, environment)
        compose = self._compose_files(files, declared)
        if not compose:
            self._stop_on_errors()
        directory = self._directory_of(compose[0])
        environment = self._environment(directory, environment)
        crane = adopt_crane_files(compose, directory, environment, self._documents, self._report)
        found = [self._documents.parse(path) for path in compose]
        if None in found:
            self._stop_on_errors()  # nobody knows what that file would have declared
        parsed = [document for documents in found for document in documents or ()]
        name = self._appliance_name(declared, parsed, directory, environment)
        self._name = name
        environment = {**environment, "COMPOSE_PROJECT_NAME": name}
        return _Read(files, declared, crane, compose, name, environment, directory)

    def _stop_on_errors(self) -> None:
        if self._report.has_errors:
            errors, warnings = self._told(self._report.errors), self._told(self._report.warnings)
            raise SpecError(errors, warnings=warnings, appliance=self._name)

    def _told(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        held = self._documents.held
        return problems if held is None else [held.told(each) for each in problems]

    def _guarded(self, files: SourceFiles) -> SourceFiles:
        self._stop_on_errors()
        return files

    def _first_directory(self) -> Path:
        """Where the first ``.env`` lies: beside the first file that ``-f`` names, or where the search begins."""
        named = self._options.files
        return self._directory_of(self._start / named[0]) if named and named[0] != STDIN else self._start

    def _directory_of(self, path: Path) -> Path:
        return self._start if path == STDIN else path.parent

    def _environment(self, directory: Path, known: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """The shell's variables over those of ``--env-file`` or the directory's ``.env``."""
        if known is not None and (self._named_env_files() or directory == self._first_directory()):
            return known
        is_disabled = self._shell.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in {"1", "t", "true"}
        files = self._named_env_files() or (() if is_disabled else default_env_file(directory))
        return read_env_files(files, self._start, known or self._shell, self._report)

    def _named_env_files(self) -> tuple[Path, ...]:
        named = self._options.env_files
        if not named:
            listed = self._shell.get("COMPOSE_ENV_FILES", "")
            named = tuple(Path(name.strip()) for name in listed.split(",") if name.strip())
        return tuple(self._start / path for path in named)

    def _shown(self, path: Path) -> str:
        return show_path(path, self._start)

    def _read_appliance_file(self, files: SourceFiles, environment: Mapping[str, str]) -> ApplianceFile | None:
        if files.appliance is None:
            return None
        self._report.explain(self._shown(files.appliance), rule_of)
        merged = self._merged_appliance_file(files.appliance, environment)
        if merged is None:
            if not self._report.has_errors:
                where, hint = Where(self._shown(files.appliance)), "begin with 'name:'"
                self._report.error(where, "", "the file says nothing", hint, code="empty-value")
            return None
        return build_appliance_file(settle_empty(merged, self._report), files.appliance.parent, self._report)

    def _merged_appliance_file(self, path: Path, environment: Mapping[str, str]) -> Table | None:
        text = read_text(path, self._shown(path), self._report)
        documents = parse_yaml(text, self._shown(path), self._report) if text is not None else ()
        checked = (
            check_shape(interpolate(document, environment, self._report), APPLIANCE, "", self._report)
            for document in documents
        )
        return merge_documents(tuple(each for each in checked if isinstance(each, Table)))

    def _compose_files(self, files: SourceFiles, declared: ApplianceFile | None) -> tuple[Path, ...]:
        if files.compose or files.appliance is None:
            return files.compose
        directory = files.appliance.parent
        if declared is not None and declared.app:
            return tuple(directory / name for name in declared.app)
        found = find_compose(directory)
        if not found and declared is not None and "app" not in declared.wrong:
            where = Where(self._shown(files.appliance))
            self._report.error(
                where, "app", "no Compose file is named and none lies beside this file", "app: compose.yaml"
            )
        return found

    def _appliance_name(
        self,
        declared: ApplianceFile | None,
        documents: Sequence[Table],
        directory: Path,
        environment: Mapping[str, str],
    ) -> str:
        for text, source in (
            (self._options.appliance_name, "-p"),
            (environment.get("COMPOSE_PROJECT_NAME"), "COMPOSE_PROJECT_NAME"),
        ):
            if text:
                if not APPLIANCE_PATTERN.fullmatch(text):
                    hint = "lower-case letters, digits, '-' and '_', beginning with a letter or digit"
                    self._report.error(Where(source), "", f"'{text}' can't be an appliance's name", hint)
                return text
        if declared is not None and declared.name is not None:
            return declared.name
        written = [name for document in documents if (name := self._written_name(document, environment))]
        name = written[-1] if written else normalize_appliance_name(directory.name)
        if not name:
            self._report.error(
                Where(self._shown(directory)), "", "the directory's name can't name an appliance", "give a name with -p"
            )
        return name

    def _written_name(self, document: Table, environment: Mapping[str, str]) -> str:
        node = document.entries.get("name")
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return ""
        try:
            return normalize_appliance_name(substitute(node.value, environment.get, lambda missing: None))
        except SubstitutionError:
            return ""  # reported with its place when the whole file is interpolated

    def _assemble(self, files: tuple[Path, ...], setting: Setting) -> Table | None:
        merged = Assembler(self._documents, self._start, self._report).assemble(files, setting)
        if merged is None:
            return None
        services = merged.entries.get("services")
        if isinstance(services, Table) and len(services.entries) > MAX_SERVICES:
            reason = f"{len(services.entries):,} services, and {MAX_SERVICES:,} are the most"
            self._report.error(merged.at("services"), "services", reason, "is this a real Compose file?")
            self._stop_on_errors()
        return settle_empty(merged, self._report)

    def _profiles(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        if self._options.profiles:
            return self._options.profiles
        return tuple(name.strip() for name in environment.get("COMPOSE_PROFILES", "").split(",") if name.strip())

    def _build(
        self,
        name: str,
        merged: Table | None,
        declared: ApplianceFile | None,
        files: tuple[Path, ...],
        directory: Path,
        environment: Mapping[str, str],
    ) -> Appliance:
        fields = Fields(merged, "", self._report)
        builder = ServiceBuilder(environment, directory, self._report)
        node = fields.node("services")
        tables = node.entries if isinstance(node, Table) else {}
        services = {
            key: _attach_default(builder.build(key, table)) for key, table in tables.items() if isinstance(table, Table)
        }
        said = declared or ApplianceFile()
        if said.waits_for_ready:
            services = {key: _waiting_for_ready(service) for key, service in services.items()}
        return Appliance(
            name=name,
            version=said.version,
            directory=directory,
            files=files,
            services=services,
            networks=_with_default(build_networks(fields), services),
            volumes=_with_policies(build_volumes(fields, self._report), said),
            secrets=build_shared_files(fields, "secret", environment, self._report),
            configs=build_shared_files(fields, "config", environment, self._report),
            models=build_models(fields),
            targets=said.targets,
            boot=said.boot,
            api=said.api,
            checks=said.checks,
            status_checks=said.status_checks,
            preflight=said.preflight,
            disk_limits=said.disk_limits,
            host=said.host,
            bases=said.bases,
            wheels=said.wheels,
            contexts=said.contexts,
            budgets=said.budgets,
            hooks=said.hooks,
            registry=said.registry,
            rules=said.rules,
            keep=said.keep,
        )


def _some(path: Path | None) -> tuple[Path, ...]:
    return () if path is None else (path,)


def _attach_default(service: Service) -> Service:
    if service.networks or service.network_mode is not None or service.provider is not None:
        return service
    return replace(service, networks={"default": Attachment()})


def _waiting_for_ready(service: Service) -> Service:
    edges = {
        name: replace(edge, condition=Condition.READY) if edge.condition is Condition.STARTED else edge
        for name, edge in service.depends_on.items()
    }
    return replace(service, depends_on=edges)


def _with_default(networks: dict[str, Network], services: Mapping[str, Service]) -> dict[str, Network]:
    if "default" not in networks and any("default" in service.networks for service in services.values()):
        networks["default"] = Network("default")
    return networks


def _with_policies(volumes: Mapping[str, Volume], said: ApplianceFile) -> dict[str, Volume]:
    return {
        key: replace(volume, on_switch=said.on_switch[key]) if key in said.on_switch else volume
        for key, volume in volumes.items()
    }
