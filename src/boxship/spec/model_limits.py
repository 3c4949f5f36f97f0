"""How much of the block devices a container may use."""

from msgspec import Struct


class DeviceRate(Struct, frozen=True):
    """Bytes or operations per second of one device."""

    path: str
    rate: int


class DeviceWeight(Struct, frozen=True):
    """A device's share, from 10 to 1000."""

    path: str
    weight: int


class BlockIo(Struct, frozen=True):
    """``blkio_config``."""

    weight: int | None = None
    weight_device: tuple[DeviceWeight, ...] = ()
    device_read_bps: tuple[DeviceRate, ...] = ()
    device_read_iops: tuple[DeviceRate, ...] = ()
    device_write_bps: tuple[DeviceRate, ...] = ()
    device_write_iops: tuple[DeviceRate, ...] = ()
