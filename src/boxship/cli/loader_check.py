"""Whether a Loader of this Boxship could look after a box, seen without writing anything of it."""

import asyncio

from boxship.bundle.library import Library
from boxship.engine.port import Engine
from boxship.errors import StateError
from boxship.host.places import Places
from boxship.loader.pulling import LibraryReleases
from boxship.state.state import State
from boxship.store.places import Places as StorePlaces
from boxship.store.records import DamageError, decode_state
from boxship.store.state_copy import read_copy


async def check_box(places: Places, engine: Engine) -> None:
    """Its state, the release that is current and the engine are to be had, in the form that this Boxship knows.

    That this very function runs says that the program itself is whole. Raises: the error of the first that isn't.
    """
    state = await asyncio.to_thread(_read_state, places)
    if state.current is not None:
        releases = LibraryReleases(Library(places.state))
        await asyncio.to_thread(releases.appliance, state.current.release_id)
    await engine.info()
    await engine.observe(())


def _read_state(places: Places) -> State:
    """From the copy: the file itself belongs to the Loader that runs. Raises: StateError."""
    path = StorePlaces(places.database).copy
    try:
        content = read_copy(path)
    except DamageError as err:
        raise StateError(f"{path} is damaged: {err}", hint="the Loader that runs writes it anew") from err
    except OSError as err:
        raise StateError(f"cannot read {path}: {err.strerror or err}") from err
    return State() if content is None else decode_state(content.state)
