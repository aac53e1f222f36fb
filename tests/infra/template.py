"""Prints a CloudFormation template as JSON, read as cfn-lint reads it: short forms (!Ref) as their long ones, and the
Globals of SAM in each function."""

import json
import sys

from cfnlint.decode import decode
from cfnlint.template.transforms._sam_globals import merge_globals

template, faults = decode(sys.argv[1])
if faults:
    sys.exit("\n".join(str(fault) for fault in faults))
merge_globals(template)
json.dump(template, sys.stdout)
