"""A cluster as kubectl shows it. Every process started here can be ended from another thread; nothing is kept but names."""

import ipaddress
import json
import shlex
import subprocess
import threading
import time

from labs.net.patience import START_SECONDS



class ClusterError(Exception):
    """The cluster cannot be used, or refuses something: one sentence."""


class Cluster:
    def __init__(self, command, kubeconfig=""):
        self._command = shlex.split(command) + (["--kubeconfig", kubeconfig] if kubeconfig else [])
        self._running, self._lock = set(), threading.Lock()

    def run(self, *args, given=None, seconds=START_SECONDS):
        """kubectl's output. `given` goes to its input: text, or objects as a List."""
        if isinstance(given, list):
            given = json.dumps({"apiVersion": "v1", "kind": "List", "items": given})
        try:
            process = subprocess.Popen([*self._command, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, start_new_session=True)
        except OSError as error:
            raise ClusterError(f"{self._command[0]}: {error.strerror}; --kubectl names another command") from error
        with self._lock:
            self._running.add(process)
        try:
            output, errors = process.communicate(given or "", timeout=seconds)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise ClusterError(f"kubectl {' '.join(args)}: not done after {seconds} s") from error
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            # kubectl's last line says it; before that it may have said it five times.
            said = (errors.strip() or output.strip() or f"ended with {process.returncode}").splitlines()[-1]
            raise ClusterError(f"kubectl {' '.join(args)}: {said}")
        return output

    def stop(self):
        """Ends what other threads wait for."""
        with self._lock:
            for process in self._running:
                process.kill()

    def get(self, *args, given=None):
        output = self.run("get", *args, "-o", "json", given=given)
        items = json.loads(output) if output.strip() else {"kind": "List", "items": []}
        return items["items"] if items["kind"].endswith("List") else [items]

    # -- changes -----------------------------------------------------------------------------------------

    def create(self, objects):
        """Without kubectl's own validation: some cases have fields that the API passes over."""
        if objects:
            self.run("create", "--validate=false", "-f", "-", given=objects)

    def create_pods(self, pods):
        """A new namespace gets its ServiceAccount a moment later, and takes no pods before."""
        deadline = time.monotonic() + START_SECONDS
        while pods:
            try:
                self.create(pods)
                return
            except ClusterError as error:
                if "serviceaccount" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
                there = {(item["metadata"]["namespace"], item["metadata"]["name"])
                         for item in self.get("--ignore-not-found", "-f", "-", given=_names(pods))}
                pods = [pod for pod in pods if (pod["metadata"]["namespace"], pod["metadata"]["name"]) not in there]

    def replace(self, objects):
        if objects:
            self.run("replace", "--validate=false", "-f", "-", given=objects)

    def delete(self, objects, seconds=START_SECONDS):
        if objects:
            self.run("delete", "--ignore-not-found", f"--timeout={seconds}s", "-f", "-", given=_names(objects),
                     seconds=seconds + 10)

    def label(self, kind, name, namespace, change):
        texts = [f"{key}-" if value is None else f"{key}={value}" for key, value in change.items()]
        self.run("label", "--overwrite", *(["-n", namespace] if namespace else []), kind, name, *texts)

    def ready(self, pods):
        """The pods' own objects, once all of them are ready."""
        if not pods:
            return []
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = self.get("-f", "-", given=_names(pods))
            late = [pod for pod in found if not _is_ready(pod)]
            if not late:
                return found
            if time.monotonic() > deadline:
                raise ClusterError(f"pod {late[0]['metadata']['namespace']}/{late[0]['metadata']['name']} is not ready after "
                                   f"{START_SECONDS} s ({_trouble(late[0])}); does the cluster have the image?")
            time.sleep(0.5)

    def execute(self, namespace, pod, script):
        """The output of a shell script in the pod's container `probe`."""
        return self.run("exec", "-i", "-n", namespace, pod, "-c", "probe", "--", "sh", given=script)


def _names(objects):
    return [{"apiVersion": item["apiVersion"], "kind": item["kind"],
             "metadata": {key: item["metadata"][key] for key in ("namespace", "name") if key in item["metadata"]}}
            for item in objects]


def _is_ready(pod):
    return any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions") or [])


def _trouble(pod):
    for container in pod["status"].get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason')}: {waiting.get('message', '')[:200]}"
    return pod["status"].get("phase", "")


def by_family(addresses):
    """{4: …, 6: …} of the first address of each family."""
    found = {}
    for address in addresses:
        found.setdefault(6 if ":" in address else 4, address)
    return found


def pod_addresses(pod):
    return by_family([item["ip"] for item in pod["status"].get("podIPs") or []])


def _order(node):
    """By pod range where there is one: the cases' ranges are in the order of their nodes, and may be the same as here."""
    network = ipaddress.ip_network(node["spec"].get("podCIDR") or "0.0.0.0/0")
    return network.version, int(network.network_address), node["metadata"]["name"]


def workers(nodes):
    """The nodes that take ordinary pods: [(name, {family: address})]."""
    usable = []
    for node in sorted(nodes, key=_order):
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in node["status"].get("conditions") or [])
        barred = node["spec"].get("unschedulable") or any(
            taint["effect"] != "PreferNoSchedule" for taint in node["spec"].get("taints") or [])
        if ready and not barred:
            usable.append((node["metadata"]["name"], by_family(
                [item["address"] for item in node["status"].get("addresses") or [] if item["type"] == "InternalIP"])))
    return usable
