"""Serves Share on port 8000: ``python3 -m share_web``."""

import logging

import uvicorn

from share_web.app import make_app
from share_web.settings import read_settings


def main() -> None:
    """Runs until SIGTERM, then lets running transfers finish for a while."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    # It repeats several lines for each try while the database is away; /health and refused requests say it once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    # No access log: addresses carry secrets, and nginx writes one without them.
    uvicorn.run(
        make_app(read_settings()),
        host="0.0.0.0",
        port=8000,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
    )


if __name__ == "__main__":
    main()
