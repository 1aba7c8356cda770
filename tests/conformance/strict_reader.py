"""A program that has `wxc_sdk` read the records on standard input, one a line, and prints what it read and refused.

It is a process of its own, because the library takes how strict it is from the environment when it is imported.
"""

from __future__ import annotations

import json
import sys

from pydantic import ValidationError
from wxc_sdk.cdr import CDR

if __name__ == "__main__":
    read = 0
    refused = []
    for line in sys.stdin.buffer:
        try:
            CDR.model_validate(json.loads(line))
            read += 1
        except ValidationError as error:
            refused += [(str(problem["loc"][0]), str(problem["input"])) for problem in error.errors()]
    print(json.dumps({"read": read, "refused": refused}))
