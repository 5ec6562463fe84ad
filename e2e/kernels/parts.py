"""The parts: the command of each, the modules it needs, and its time limit."""

import os
from typing import NamedTuple

from labs.net import programs

_HERE = os.path.dirname(os.path.abspath(__file__))
_E2E = os.path.dirname(_HERE)


class Part(NamedTuple):
    """A program whose last line is "N passed, N failed, N skipped"."""

    command: tuple
    modules: tuple = ()   # loaded beforehand in a guest; an administrator or another program loads them on a node
    seconds: int = 3000   # far above what a busy machine needs: only a part that hangs exceeds it


def _cases():
    with open(os.path.join(_HERE, "cases.txt"), encoding="ascii") as file:
        names = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    return (os.path.join(_E2E, "run_cases"), "--ways", "kernel", "--topology", "bridge", "--topology", "routed",
            "--filter", f"^({'|'.join(names)})$")


def _own(name):
    return (os.path.join(_HERE, "parts", name),)


# Cases of run_api_cases that need no real API server: established flows, and foreign changes to the table.
_AGENT = "^(established/(exactly-the-denied|icmp-and-sctp|egress-of-the-source|through-a-service)|drift/tampered(-while-away)?)$"
_BRIDGED = ("br_netfilter",)
PARTS = {
    "cases": Part(_cases(), _BRIDGED),
    "unit_nft": Part(_own("unit_nft")),
    "agent": Part((os.path.join(_E2E, "run_api_cases"), "--double", "--podgate", programs.PODGATE, "--filter", _AGENT), _BRIDGED),
    "sctp": Part(_own("sctp"), _BRIDGED),
    "flowtable": Part(_own("flowtable"), (*_BRIDGED, "nf_flow_table", "nf_flow_table_inet", "nft_flow_offload")),
    "ipvs": Part(_own("ipvs"), (*_BRIDGED, "ip_vs", "ip_vs_rr", "dummy")),
    "attach": Part(_own("attach"), _BRIDGED),
    "missing": Part(_own("missing"), _BRIDGED),
    "tamper": Part(_own("tamper"), _BRIDGED),
}
IN_CI = ("cases", "unit_nft")
