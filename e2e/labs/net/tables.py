"""Puts rulesets into the nodes' kernels, in two ways, and compares what the kernel then holds."""

import re

from . import programs
from .netns import LabError
from .topology import NODES

WAYS = ("apply", "nft")
TABLE = "podgate"


def program_nodes(topology, manifest, way, options=programs.PLAIN):
    """`apply`: podgate_apply changes what is there, through netlink. `nft`: nft loads the text of dry-run."""
    for node in NODES:
        namespace = topology.nodes[node].namespace
        if way == "apply":
            done = namespace.run([programs.APPLY, "-f", manifest, "--node", node] + options.flags(False), check=False)
            if done.returncode not in options.codes:
                raise LabError(f"podgate_apply on {node} ended with {done.returncode}: {done.stderr.strip()}")
        else:
            done = namespace.run(["nft", "-f", "-"], input=programs.ruleset(manifest, node, options), check=False)
            if done.returncode != 0:
                raise LabError(f"nft refuses the ruleset of {node}: {done.stderr.strip()[:500]}")


def listing(topology, node):
    """The table as nft prints it, without counters' values, in an order that does not depend on how it was made:
    chains and sets by name, elements sorted; rules stay in their order."""
    done = topology.nodes[node].namespace.run(["nft", "-s", "list", "table", "inet", TABLE], check=False)
    if done.returncode != 0:
        return ""
    text = re.sub(r"elements = \{(.*?)\}", lambda found: "elements = { " + ", ".join(
        sorted(element.strip() for element in found.group(1).split(","))) + " }", done.stdout, flags=re.S)
    blocks, block = [], []
    for line in text.splitlines():
        block.append(line)
        if line == "\t}":
            blocks.append("\n".join(block))
            block = []
    return "\n".join(sorted(blocks) + block)


def serve(topology, services, addresses_of):
    """Plays kube-proxy: each Service is a DNAT rule on every node, and a pod that reaches itself through one is
    masqueraded so that the answer comes back the same way. Replaces what an earlier call made."""
    rules, hairpin = [], []
    for service in services:
        for family, word in ((4, "ip"), (6, "ip6")):
            there = addresses_of(service.endpoint).get(family)
            if there is None:
                continue
            bracketed = f"[{there}]" if family == 6 else there
            rules.append(f"{word} daddr {service.addresses[family]} {service.protocol} dport {service.port} "
                         f"dnat {word} to {bracketed}:{service.target}")
            hairpin.append(f"{word} saddr {there} {word} daddr {there} masquerade")
    text = "table inet services\ndelete table inet services\n"
    if rules:
        lines = "\n".join
        text += f"""table inet services {{
  chain pods {{ type nat hook prerouting priority dstnat; policy accept;
{lines(rules)}
  }}
  chain node {{ type nat hook output priority -100; policy accept;
{lines(rules)}
  }}
  chain hairpin {{ type nat hook postrouting priority srcnat; policy accept;
{lines(hairpin)}
  }}
}}
"""
    for node in NODES:
        topology.nodes[node].namespace.run(["nft", "-f", "-"], input=text)
