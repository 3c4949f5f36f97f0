"""``share-admin``: what an administrator of the box does inside the container.

    share-admin first-user-link EMAIL [--base-url https://HOST[:PORT]]    the link that makes the first account
    share-admin invite-link EMAIL [--base-url https://HOST[:PORT]]        the link that makes another account

A link is printed to standard output and nowhere else.
"""

import argparse
import asyncio
import os
import sys

import psycopg
from psycopg_pool import PoolTimeout

from share_web.addresses import AddressError, BaseUrl, normalise
from share_web.database import open_pool
from share_web.invitations import Kind, invitation_link
from share_web.people import People, RegistrationError
from share_web.settings import read_settings

_KINDS = {"first-user-link": Kind.FIRST, "invite-link": Kind.MEMBER}


def main() -> int:
    """Exit status: 0 done, 1 refused or the database is away, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="share-admin", description="Makes links for new accounts.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in (
        ("first-user-link", "print the link that makes the first account, an administrator's"),
        ("invite-link", "print a link that makes another account"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("email", metavar="EMAIL")
        command.add_argument(
            "--base-url",
            default=os.environ.get("SHARE_BASE_URL", "https://localhost:8443"),
            metavar="URL",
            help="where people reach the appliance (default: %(default)s)",
        )
    arguments = parser.parse_args()
    try:
        link = asyncio.run(_link(_KINDS[arguments.command], arguments.email, arguments.base_url))
    except (AddressError, RegistrationError) as error:
        sys.stderr.write(f"share-admin: {error}\n")
        return 1
    except (psycopg.Error, PoolTimeout):
        sys.stderr.write("share-admin: the database doesn't answer; look at the log of db\n")
        return 1
    sys.stdout.write(link + "\n")
    return 0


async def _link(kind: Kind, typed_email: str, typed_base_url: str) -> str:
    email, base = normalise(typed_email), BaseUrl.parse(typed_base_url)
    settings = read_settings()
    async with open_pool(settings.database, settings.database_password) as pool:
        token = await People(pool).invite(kind, email)
    return invitation_link(base, kind, email, token)


if __name__ == "__main__":
    sys.exit(main())
