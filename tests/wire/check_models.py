"""Checks recorded exchanges against AWS's own service models, which botocore ships.

    python check_models.py EXCHANGES.jsonl

Each line is an exchange as the rehearsal's recorder keeps it. What is wrong is printed, one line for each operation,
part, member and reason, with the number of exchanges that have it; then the exit code is 1.
"""

import collections
import json
import re
import sys

import botocore
from botocore.exceptions import UnknownServiceError
from botocore.loaders import create_loader
from botocore.model import ServiceModel

from exchange import Exchange

# IAM calls a service as botocore does, but for these.
SERVICES = {"elasticloadbalancing": "elbv2", "tag": "resourcegroupstaggingapi"}

# Read by nothing but boto3 itself: its protocol is one of its own, and its bodies are whatever somebody has put there.
UNCHECKED = {"s3"}


class Models:
    """The service models, each read once."""

    def __init__(self):
        self.loader = create_loader()
        self.models = {}

    def named(self, service):
        if service not in self.models:
            name = SERVICES.get(service, service)
            self.models[service] = ServiceModel(self.loader.load_service_model(name, "service-2"), name)
        return self.models[service]


def check(record, models):
    """The faults of an exchange: part, path, why."""
    service, _, _ = record["operation"].partition(":")
    try:
        model = models.named(service)
    except UnknownServiceError:
        return [("request", "", "is for no service that AWS has")]
    return Exchange(record, model).check()


def main(path):
    models = Models()
    seen, faults = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["operation"].partition(":")[0] in UNCHECKED:
                continue
            seen[record["operation"]] += 1
            # The same fault in each item of a list is one fault.
            found = {(part, re.sub(r"\[\d+\]", "[]", path), why) for part, path, why in check(record, models)}
            faults.update((record["operation"], *fault) for fault in found)
    for (operation, part, path, why), times in sorted(faults.items()):
        print(f"{operation}: {part}{': ' if path else ''}{path} {why} ({times} of {seen[operation]})")
    print(f"{sum(seen.values())} exchanges, {len(seen)} operations, {len(faults)} faults; botocore {botocore.__version__}")
    # A check of nothing is no check.
    return 1 if faults or not seen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
