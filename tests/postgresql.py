"""A PostgreSQL of its own, for tests."""

import asyncio
import os
import shutil
import subprocess
from glob import glob
from pathlib import Path
from typing import NamedTuple

import asyncpg

USER = DATABASE = "prefect"
AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
"""Beginning of a command that is not root: PostgreSQL does not run as root."""


class Programs(NamedTuple):
    """Paths of the programs of a server."""

    initdb: str
    postgres: str


def find_programs() -> Programs | None:
    """Return the programs, or None where PostgreSQL is not installed."""
    # Debian's packages put the programs of a server into no folder of the PATH.
    places = os.pathsep.join([os.environ["PATH"], *glob("/usr/lib/postgresql/*/bin")])
    initdb, postgres = (shutil.which(name, path=places) for name in ("initdb", "postgres"))
    return Programs(initdb, postgres) if initdb and postgres else None


def make_cluster(programs: Programs, folder: Path, password: str) -> None:
    """Write the files of a server that has one user with a password, in `folder/data`."""
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    made = [programs.initdb, f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run([*AS_NOBODY, *made, f"{folder}/data"], check=True, capture_output=True)


def command(programs: Programs, folder: Path, port: int) -> list[str]:
    """Return the command that serves `folder/data`."""
    return [
        *AS_NOBODY,
        programs.postgres,
        "-D",
        f"{folder}/data",
        "-p",
        f"{port}",
        "-k",
        f"{folder}",
    ]


def create_database(port: int, password: str) -> None:
    """Create the database of Prefect as soon as the server answers."""
    asyncio.run(_create_database(port, password))


async def _create_database(port: int, password: str) -> None:
    place = {"host": "127.0.0.1", "port": port, "user": USER, "password": password}
    while True:
        try:
            server = await asyncpg.connect(database="postgres", **place)
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.1)
        else:
            await server.execute(f"CREATE DATABASE {DATABASE}")
            await server.close()
            return
