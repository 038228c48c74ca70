#!/usr/bin/python3
"""Makes the accounts in a new directory while the server asks for none, and then becomes the server.

The script of /docker-entrypoint-initdb.d is for the product's shell; this does the same in Python."""
import os
import subprocess
import sys
import time

from pymongo import MongoClient
from pymongo.errors import PyMongoError

DATA = "/data/db"
READY_SECONDS = 30


def command(*more):
    start = "import sys; from secantus.cli import main; sys.exit(main())"
    storage = ["--storage-path", DATA, "--cache-size", "256M"]
    return [sys.executable, "-c", start, "--port", "27017", *storage, *more]


def read(path):
    with open(path, encoding="utf8") as file:
        return file.read()


def make_accounts(client):
    root = {"createUser": "root", "pwd": read(os.environ["MONGO_INITDB_ROOT_PASSWORD_FILE"]), "roles": ["root"]}
    database = os.environ["MINDORA_DATABASE"]
    roles = [{"role": role, "db": database} for role in ("readWrite", "dbAdmin")]
    own = {"createUser": os.environ["MINDORA_ACCOUNT"], "pwd": read("/run/secrets/account"), "roles": roles}
    client["admin"].command(root)
    client[database].command(own)


def prepare():
    server = subprocess.Popen(command("--host", "127.0.0.1"))
    deadline = time.monotonic() + READY_SECONDS
    client = MongoClient("127.0.0.1", directConnection=True, serverSelectionTimeoutMS=500)
    while True:
        try:
            make_accounts(client)
            break
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    client.close()
    server.terminate()
    server.wait()


if not os.path.exists(f"{DATA}/prepared"):
    prepare()
    with open(f"{DATA}/prepared", "w", encoding="utf8"):
        pass
os.execv(sys.executable, command("--host", "0.0.0.0", "--auth", "--sync-on-commit"))
