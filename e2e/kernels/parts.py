"""The parts of a run: what each executes, what it needs of the kernel beforehand, and how long it may take under emulation."""

import os
from typing import NamedTuple

from labs.net import programs

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


# Cases of labs/api that need no real API server: flows that a change denies, and a table that somebody else has changed.
_AGENT = ("^(established/(exactly-the-denied|icmp-and-sctp|egress-of-the-source|through-a-service|the-other-end-cannot-bring-it-back)"
          "|drift/(tampered|tampered-while-away))$")
_BRIDGED = ("br_netfilter",)
PARTS = {
    "cases": Part(_cases(), 1500, _BRIDGED),
    "unit_nft": Part(_own("unit_nft"), 1500),
    "agent": Part((os.path.join(_E2E, "run_api_cases"), "--double", "--podgate", programs.PODGATE, "--filter", _AGENT), 1500, _BRIDGED),
    "sctp": Part(_own("sctp"), 1500, _BRIDGED),
    "flowtable": Part(_own("flowtable"), 1500, (*_BRIDGED, "nf_flow_table", "nf_flow_table_inet", "nft_flow_offload")),
    "ipvs": Part(_own("ipvs"), 1500, (*_BRIDGED, "ip_vs", "ip_vs_rr", "dummy")),
    "attach": Part(_own("attach"), 1500, _BRIDGED),
    "missing": Part(_own("missing"), 1500, _BRIDGED),
    "tamper": Part(_own("tamper"), 1500, _BRIDGED),
}
IN_CI = ("cases", "unit_nft")
