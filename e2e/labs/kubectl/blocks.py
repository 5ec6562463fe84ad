"""Address blocks of a case, which names its pods by fixed addresses, in the words of a cluster that gives its own.

A prefix that is one pod's address becomes the address that the pod has got. Everything else stays as it is; the block as
a whole must then mean the same pods, nodes and Services as in the case, or the case cannot be run. Pure.
"""

import ipaddress

NAME_LABEL = "kubernetes.io/metadata.name"


class Untranslatable(Exception):
    """Why a case, or the rest of its steps, cannot be said in this cluster: one clause."""


class Addresses:
    """Who has which address in the case (`fixed`) and here (`real`): {family: text} of pods, nodes and Services."""

    def __init__(self):
        self._pods, self._others = {}, {}

    def add_pod(self, name, fixed, real):
        self._pods[name] = (fixed, real)

    def add_other(self, name, fixed, real):
        self._others[name] = (fixed, real)

    def here(self, network):
        """The prefix as it is to be written here."""
        if network.prefixlen < network.max_prefixlen:
            return network
        for name, (fixed, real) in self._pods.items():
            if fixed.get(network.version) == str(network.network_address):
                if network.version not in real:
                    raise Untranslatable(f"{name} has no IPv{network.version} address here, as {network} would need")
                return ipaddress.ip_network(real[network.version])
        return network

    def strangers(self, old, new):
        """Those that the block `old` means in the case and `new` does not here, or the other way round."""
        for name, (fixed, real) in {**self._pods, **self._others}.items():
            for family in fixed.keys() & real.keys():
                if old.contains(fixed[family]) != new.contains(real[family]):
                    yield name


class Block:
    def __init__(self, cidr, excepts):
        self.cidr, self.excepts = cidr, excepts

    def contains(self, text):
        address = ipaddress.ip_address(text)
        return address in self.cidr and not any(address in hole for hole in self.excepts)


def _network(text):
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise Untranslatable(f"the API no longer takes the block {text}") from error


def block(spec, addresses):
    """An ipBlock as it is to be written here."""
    old = Block(_network(spec["cidr"]), [_network(text) for text in spec.get("except") or []])
    new = Block(addresses.here(old.cidr), [addresses.here(hole) for hole in old.excepts])
    for hole in new.excepts:
        if hole.version != new.cidr.version or not hole.subnet_of(new.cidr):
            raise Untranslatable(f"the block {spec['cidr']} means pods by fixed addresses")
    for name in addresses.strangers(old, new):
        raise Untranslatable(f"the block {spec['cidr']} means {name} by fixed addresses")
    return {"cidr": str(new.cidr), **({"except": [str(hole) for hole in new.excepts]} if new.excepts else {})}


def translated(value, addresses, rename):
    """A policy's spec, or any part of it: blocks as above, and namespaces that are selected by their name renamed."""
    if isinstance(value, list):
        return [translated(item, addresses, rename) for item in value]
    if not isinstance(value, dict):
        return value
    new = {}
    for key, item in value.items():
        if key == "ipBlock" and isinstance(item, dict):
            new[key] = block(item, addresses)
        elif key == "namespaceSelector" and isinstance(item, dict):
            new[key] = _selector(item, rename)
        else:
            new[key] = translated(item, addresses, rename)
    return new


def _selector(selector, rename):
    new = dict(selector)
    if NAME_LABEL in (new.get("matchLabels") or {}):
        new["matchLabels"] = {**new["matchLabels"], NAME_LABEL: rename(new["matchLabels"][NAME_LABEL])}
    if new.get("matchExpressions"):
        new["matchExpressions"] = [
            {**item, "values": [rename(value) for value in item["values"]]} if item["key"] == NAME_LABEL and item.get("values")
            else item for item in new["matchExpressions"]]
    return new
