"""Checks recorded exchanges against AWS's own service models, which botocore ships.

    python check_models.py EXCHANGES.jsonl

Each line is an exchange, as the rehearsal's recorder writes it. Prints one line for each operation, part, member and
reason that is wrong, with the number of exchanges that have the fault, and then exits with 1.
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

# Services whose name in botocore differs from their name in IAM.
SERVICES = {"elasticloadbalancing": "elbv2", "tag": "resourcegroupstaggingapi"}

# Tested only with boto3: S3 has its own protocol, and its bodies are the contents of objects.
UNCHECKED = {"s3"}


class Models:
    """The service models. Reads each one once."""

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
        return [("request", "", "is for a service that AWS does not have")]
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
    # Without any exchange nothing was checked, so that is a failure.
    return 1 if faults or not seen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
