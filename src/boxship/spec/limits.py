"""Processor times and block devices, as values."""

from boxship.spec.fields import Fields
from boxship.spec.model_limits import BlockIo, DeviceRate, DeviceWeight
from boxship.units import parse_duration

_US = 1_000_000
_INTEGER_END = 2**63


def build_microseconds(fields: Fields, key: str) -> int | None:
    """A number of microseconds, or a duration: 50000 and 50ms are the same."""
    text = fields.text(key)
    if text is None:
        return None
    try:
        microseconds = float(text) if _is_number(text) else float(round(parse_duration(text) * _US))
        if abs(microseconds) >= _INTEGER_END:
            raise ValueError("is longer than the engine can count")  # noqa: TRY301 (reported as what else is wrong)
        return int(microseconds)
    except ValueError as err:
        fields.complain(key, f"'{text}' {err}", "write microseconds, or a duration such as 50ms")
        return None


def _is_number(text: str) -> bool:
    bare = text.removeprefix("-")
    return bare.replace(".", "", 1).isdecimal() and bare.isascii()


def build_percentage(fields: Fields, key: str, least: int = 0) -> int | None:
    number = fields.integer(key)
    if number is not None and not least <= number <= 100:
        fields.complain(key, f"{number} is not between {least} and 100")
    return number


def build_block_io(fields: Fields) -> BlockIo | None:
    if not fields.has("blkio_config"):
        return None
    section = fields.table("blkio_config")
    return BlockIo(
        weight=section.integer("weight"),
        weight_device=tuple(
            DeviceWeight(each.text("path") or "", each.integer("weight") or 0)
            for each in section.tables("weight_device")
        ),
        device_read_bps=_rates(section, "device_read_bps"),
        device_read_iops=_rates(section, "device_read_iops"),
        device_write_bps=_rates(section, "device_write_bps"),
        device_write_iops=_rates(section, "device_write_iops"),
    )


def _rates(fields: Fields, key: str) -> tuple[DeviceRate, ...]:
    return tuple(DeviceRate(each.text("path") or "", each.size("rate") or 0) for each in fields.tables(key))
