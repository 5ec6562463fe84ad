"""The parts of a run: what each executes, what it needs of the kernel beforehand, and how long it may take under emulation."""

import os
from typing import NamedTuple

_HERE = os.path.dirname(os.path.abspath(__file__))
_E2E = os.path.dirname(_HERE)


class Part(NamedTuple):
    """A program that ends with a line "N passed, N failed, N skipped"."""

    command: tuple
    seconds: int        # given up after that
    modules: tuple = () # loaded first, as an administrator or another program of the node would


def _cases():
    with open(os.path.join(_HERE, "cases.txt"), encoding="ascii") as file:
        names = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    return (os.path.join(_E2E, "run_cases"), "--ways", "kernel", "--topology", "bridge", "--topology", "routed",
            "--filter", f"^({'|'.join(names)})$")


def _own(name):
    return (os.path.join(_HERE, "parts", name),)


_BRIDGED = ("br_netfilter",)
PARTS = {
    "cases": Part(_cases(), 400, _BRIDGED),
    "unit_nft": Part(_own("unit_nft"), 400),
}
IN_CI = ("cases", "unit_nft")
