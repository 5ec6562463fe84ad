"""Takes a cluster from one state of a case to the next, and judges the matrix there by connections from pod to pod."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import yaml

from labs.net import world
from labs.net.topology import NODES, node_addresses

from . import limits, objects
from .blocks import Addresses, Untranslatable, translated
from .changes import Changes, ObjectChanges, Pod, State
from .cluster import ClusterError, by_family, pod_addresses, workers
from .probes import QUIET_SECONDS, Probe, read, script

NODE_PODS = "nodes"  # the namespace of the pods that stand for the nodes; no case has one of that name
EXECS_AT_ONCE = 12


class Outcome:
    """Of one case. `skipped`: the reason; `note`: why its last steps are left out; `left_out`: {reason: connections}."""

    def __init__(self, case):
        self.case, self.skipped, self.note, self.error = case, "", "", ""
        self.wrong, self.left_out, self.connections = [], {}, 0


class Driver:
    """`within`: seconds in which a state must be in force."""

    def __init__(self, cluster, names, image, cases, within, nodes=()):
        self.cluster, self.names, self.within = cluster, names, within
        self._pool = ThreadPoolExecutor(EXECS_AT_ONCE)
        self._state = State()
        self._owned = {NODE_PODS}  # namespaces to take away, whatever happens
        self._found = {}  # pod: its addresses here, {family: address}
        self.ping = False
        found = workers(cluster.get("nodes"))
        if nodes:
            found = [node for node in found if node[0] in nodes]
        if not found:
            raise ClusterError("no node is ready and takes pods")
        chosen = (found * len(NODES))[:len(NODES)]
        self.nodes = {name: node for name, (node, _) in zip(NODES, chosen)}
        self.node_addresses = {name: addresses for name, (_, addresses) in zip(NODES, chosen)}
        self._setting = objects.Setting(names, image, self.nodes, limits.served_ports(cases))
        self.families = ()
        self._sources = {}

    # -- the run -----------------------------------------------------------------------------------------

    def start(self):
        """The standard world, and what can be found out about the cluster from it."""
        self.cluster.create([objects.namespace(self.names, NODE_PODS)])
        pods = [objects.node_pod(self._setting, f"{NODE_PODS}/{node}", node) for node in NODES]
        self.cluster.create_pods(pods)
        self._enter_pods(world.standard_world(), self._setting)
        self.cluster.ready(pods)
        self.families = tuple(sorted(set.intersection(*(set(addresses) for addresses in self._found.values()))))
        # Each node answers for itself at the addresses of its families that its pods have, too.
        self.node_addresses = {name: {family: address for family, address in addresses.items() if family in self.families}
                               for name, addresses in self.node_addresses.items()}
        pod = next(iter(self._found))
        self._sources = {node: self._source(node) for node in NODES}
        has = self.cluster.execute(*self.names.split(pod), "ping -c 1 -W 1 127.0.0.1 >/dev/null 2>&1 && echo ping\n"
                                                           "nc -h >/dev/null 2>&1; [ $? = 127 ] || echo nc\n").split()
        if "nc" not in has:
            raise ClusterError(f"the image {self._setting.image} has no nc; --image names another")
        self.ping = "ping" in has

    def _source(self, node):
        """The addresses that the node speaks from to pods of the other one: in a tunnel they are not its own."""
        state = world.standard_world()
        there = next(name for name, pod in state["pods"].items() if pod["node"] != node)
        found = dict(self.node_addresses[node])
        for family, address in self._found[there].items():
            if family in found:
                said = self.cluster.execute(*self.names.split(f"{NODE_PODS}/{node}"), f"ip route get {address} 2>/dev/null\nexit 0\n")
                found[family] = route_source(said) or found[family]
        return found

    def stop(self):
        """Takes everything out of the cluster again; waits for it."""
        self.cluster.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._clear()

    def _clear(self):
        self._state, self._found = State(), {}
        self.cluster.delete([objects.namespace(self.names, name) for name in sorted(self._owned)])

    def run(self, case):
        outcome = Outcome(case)
        outcome.skipped = limits.whole_case(case)
        if outcome.skipped:
            return outcome
        setting = self._setting.without(limits.closed_ports(case))
        try:
            for index, phase in enumerate(case.phases):
                try:
                    limits.check_phase(case, index, self)
                    probes = self._enter(case, phase, setting, outcome)
                except Untranslatable as reason:
                    if index == 0:
                        outcome.skipped = str(reason)
                    else:
                        outcome.note = f"without the steps from '{phase.name}' on: {reason}"
                    break
                outcome.connections += len(probes)
                outcome.wrong += [Wrong(phase, probe) for probe in self._judge(probes)]
        except ClusterError as error:
            outcome.error = str(error)
            self._clear()  # what is there is not known any more
            self.start()
        if not outcome.skipped and not outcome.connections and not outcome.error:
            outcome.skipped = "nothing of its matrix can be seen here"
        return outcome

    # -- states ------------------------------------------------------------------------------------------

    def _enter(self, case, phase, setting, outcome):
        """Makes the cluster what the phase says; the probes of its matrix."""
        self._enter_pods(phase.state, setting)
        real = {end.name: self._real(end) for end in phase.ends}
        services = self._enter_services(case, phase)
        self._enter_policies(case, phase, services)
        probes = []
        for check in phase.checks:
            reason = limits.left_out(check, self, real)
            if reason:
                outcome.left_out[reason] = outcome.left_out.get(reason, 0) + 1
            else:
                probes.append(self._probe(check, real, services))
        return probes

    def _enter_pods(self, state, setting):
        wanted = State({name: value["labels"] for name, value in state["namespaces"].items()})
        for name, spec in state["pods"].items():
            manifest = objects.pod(setting, name, spec)
            wanted.pods[name] = Pod(manifest, objects.form(manifest, spec.get("slot")), spec["labels"])
        self._forget_services()
        self._owned |= wanted.namespaces.keys()
        change = Changes(self._state, wanted)
        self.cluster.delete([objects.namespace(self.names, name) for name in change.namespaces_gone])
        self.cluster.delete([self._state.pods[name].manifest for name in change.pods_gone])
        self.cluster.create([objects.namespace(self.names, name) for name in change.namespaces_new])
        kept = {key: item for key, item in self._state.objects.items()
                if key[1].partition("/")[0] not in change.namespaces_gone}
        self._state = State(wanted.namespaces, wanted.pods, kept)
        list(self._pool.map(lambda item: self.cluster.label(*item), [
            ("namespace", self.names.namespace(name), "", labels) for name, labels in change.namespace_labels.items()] + [
            ("pod", *self.names.split(name)[::-1], labels) for name, labels in change.pod_labels.items()]))
        new = [_labelled(wanted.pods[name]) for name in change.pods_new]
        self.cluster.create_pods(new)
        here = {(pod["metadata"]["namespace"], pod["metadata"]["name"]): pod_addresses(pod) for pod in self.cluster.ready(new)}
        self._found = {name: here.get(self.names.split(name)) or self._found[name] for name in wanted.pods}

    def _forget_services(self):
        """They go before a state changes: their endpoints' addresses may be others' afterwards."""
        gone = {key: item for key, item in self._state.objects.items() if key[0] != "NetworkPolicy"}
        self.cluster.delete(list(gone.values()))
        for key in gone:
            del self._state.objects[key]

    def _enter_services(self, case, phase):
        """{Service: its address of each family here}"""
        mine = [service for service in case.services if limits.is_pod(phase.state, service.endpoint)]
        for service in mine:
            node = self.nodes[phase.state["pods"][service.endpoint]["node"]]
            made = [objects.service(self.names, service.name, service, self.families),
                    *objects.endpoint_slices(self.names, service.name, service, self._found[service.endpoint], node)]
            namespace = service.endpoint.partition("/")[0]
            for item in made:
                self._state.objects[item["kind"], f"{namespace}/{item['metadata']['name']}"] = item
            self.cluster.create(made)
        found = {}
        for service in mine:
            item, = self.cluster.get("service", "-n", self.names.split(service.endpoint)[0], service.name)
            found[service] = by_family(item["spec"].get("clusterIPs") or [item["spec"]["clusterIP"]])
        return found

    def _enter_policies(self, case, phase, services):
        addresses = Addresses()
        for name, pod in phase.state["pods"].items():
            if not pod.get("hostNetwork"):
                addresses.add_pod(name, world.pod_addresses(pod), self._found[name])
        for node in NODES:
            for here in (self.node_addresses[node], self._sources[node]):
                addresses.add_other(f"{node} at {' and '.join(here.values())}", dict(zip((4, 6), node_addresses(node))), here)
        for service, here in services.items():
            addresses.add_other(f"Service {service.name}", service.addresses, here)
        wanted = {}
        documents = [document for document in yaml.safe_load_all(case.manifests) if document]
        texts = [item for document in documents for item in document.get("items", [document])]
        for manifest in [*phase.state["policies"].values(), *texts]:
            if manifest["kind"] == "NetworkPolicy":
                key, item = self._policy(manifest, addresses)
                wanted[key] = item
        change = ObjectChanges({key: item for key, item in self._state.objects.items() if key[0] == "NetworkPolicy"}, wanted)
        self._state.objects = {**{key: item for key, item in self._state.objects.items() if key[0] != "NetworkPolicy"}, **wanted}
        self.cluster.delete(change.gone)
        self.cluster.create(change.new)
        self.cluster.replace(change.replaced)

    def _policy(self, manifest, addresses):
        metadata = manifest["metadata"]
        name = f"{metadata.get('namespace', 'default')}/{metadata['name']}"
        return ("NetworkPolicy", name), {
            "apiVersion": manifest["apiVersion"], "kind": "NetworkPolicy", "metadata": self.names.metadata(name),
            "spec": translated(manifest.get("spec") or {}, addresses, self.names.namespace)}

    # -- connections -------------------------------------------------------------------------------------

    def _real(self, end):
        if end.kind == "pod":
            return self._found[end.name]
        return self.node_addresses[end.node] if end.kind == "node" else {}

    def _probe(self, check, real, services):
        address, port = real[check.target.name].get(check.family), check.port
        if check.via:
            address, port = services[check.via].get(check.family, address), check.via.port
        return Probe(check, address, port, check.target.name if check.target.kind == "pod" else None)

    def _run(self, probes, tries):
        """All of them, from all their sources at once. tries: how often they were tried before."""
        sources = {}
        for probe in probes:
            sources.setdefault(probe.check.source, []).append(probe)
        problems = list(self._pool.map(lambda item: self._run_from(*item, tries), sources.items()))
        return [problem for problem in problems if problem]

    def _run_from(self, source, probes, tries):
        quiet = QUIET_SECONDS[min(tries, len(QUIET_SECONDS) - 1)]
        on_node = source.kind == "node"
        pod = source.name if "/" in source.name else f"{NODE_PODS}/{source.name}"
        try:
            read(self.cluster.execute(*self.names.split(pod), script(probes, on_node, quiet)), probes)
        except ClusterError as error:
            for probe in probes:
                probe.result = "not tried"
            return error
        return None

    def _judge(self, probes):
        """Looks until everything is as expected, then once more at all of it; what is not."""
        deadline = time.monotonic() + self.within
        wrong, tries = probes, 0
        while wrong:
            problems = self._run(wrong, tries)
            tries += 1
            wrong = [probe for probe in wrong if probe.allowed != probe.check.expected or probe.result == "not tried"]
            if wrong and time.monotonic() > deadline:
                if problems:
                    raise problems[0]
                return wrong
        problems = self._run(probes, 0)
        wrong = [probe for probe in probes if probe.allowed != probe.check.expected or probe.result == "not tried"]
        for tries in range(1, len(QUIET_SECONDS)):
            # A packet may be lost on a busy machine; none may come through where none is allowed.
            late = [probe for probe in wrong if probe.check.expected or probe.result == "not tried"]
            if not late:
                break
            problems = self._run(late, tries)
            wrong = [probe for probe in wrong if probe.allowed != probe.check.expected or probe.result == "not tried"]
        if problems and any(probe.result == "not tried" for probe in wrong):
            raise problems[0]
        return wrong


def route_source(text):
    """The source address in what `ip route get` says; None when it says none."""
    found = re.search(r"\bsrc ([0-9a-f.:]+)", text)
    return found[1] if found else None


class Wrong:
    """A connection that was not as expected."""

    def __init__(self, phase, probe):
        self.phase, self.probe = phase, probe

    def __str__(self):
        step = f"step '{self.phase.name}': " if self.phase.name else ""
        wanted = "allow" if self.probe.check.expected else "deny"
        return f"{step}{self.probe.check} ({self.probe.address}): expected {wanted}, {self.probe.result}"


def _labelled(pod):
    return {**pod.manifest, "metadata": {**pod.manifest["metadata"], **({"labels": pod.labels} if pod.labels else {})}}
