#!/usr/bin/python3
"""As much of the shell as the health check needs: ends with 0 where the server takes writes of this account."""
import argparse
import sys

from pymongo import MongoClient

parser = argparse.ArgumentParser()
parser.add_argument("--quiet", action="store_true")
parser.add_argument("--username", required=True)
parser.add_argument("--password", required=True)
parser.add_argument("--eval", required=True)
given = parser.parse_args()
client = MongoClient(
    "127.0.0.1", username=given.username, password=given.password, directConnection=True, serverSelectionTimeoutMS=3000
)
sys.exit(0 if client["admin"].command("hello").get("isWritablePrimary") else 1)
