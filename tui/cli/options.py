"""Parameters that several commands have."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

AT_LEAST_ONE = Parameter(validator=validators.Number(gte=1))
NOT_NEGATIVE = Parameter(validator=validators.Number(gte=0))
Json = Annotated[
    bool, Parameter(name="--json", negative="", help="One JSON document on stdout, for scripts.")
]
