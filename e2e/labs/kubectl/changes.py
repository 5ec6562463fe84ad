"""What has to be done to a cluster so that it is in the wanted state instead of the present one. Pure.

Namespaces and pods stay from case to case: what only differs in labels is relabelled, as the case itself would do it.
"""


class Pod:
    """A pod as wanted: its manifest without labels, its form (objects.form), its labels."""

    def __init__(self, manifest, form, labels):
        self.manifest, self.form, self.labels = manifest, form, labels


class State:
    """What this run has put into the cluster. Names are the case's own; `objects` has policies, Services and their
    endpoints by (kind, name)."""

    def __init__(self, namespaces=None, pods=None, objects=None):
        self.namespaces, self.pods, self.objects = namespaces or {}, pods or {}, objects or {}


def labels(old, new):
    """{key: value, or None for one that goes}: what turns `old` into `new`."""
    return {**{key: None for key in old if key not in new},
            **{key: value for key, value in new.items() if old.get(key) != value}}


class Changes:
    """In the order in which they are to be made; all but the deletions are made by one step after the other."""

    def __init__(self, present, wanted):
        kept = present.namespaces.keys() & wanted.namespaces.keys()
        self.namespaces_gone = sorted(present.namespaces.keys() - kept)
        self.namespaces_new = sorted(wanted.namespaces.keys() - kept)
        self.namespace_labels = {}
        for name in sorted(wanted.namespaces):
            change = labels(present.namespaces.get(name, {}), wanted.namespaces[name])
            if change:
                self.namespace_labels[name] = change
        there = {name: pod for name, pod in present.pods.items() if name.partition("/")[0] in kept}
        same = {name for name in there.keys() & wanted.pods.keys() if there[name].form == wanted.pods[name].form}
        self.pods_gone = sorted(there.keys() - same)
        self.pods_new = sorted(wanted.pods.keys() - same)
        self.pod_labels = {}
        for name in sorted(same):
            change = labels(there[name].labels, wanted.pods[name].labels)
            if change:
                self.pod_labels[name] = change


class ObjectChanges:
    """The same for the objects that need the pods' addresses first: {(kind, name): manifest}."""

    def __init__(self, present, wanted):
        self.gone = [present[key] for key in sorted(present.keys() - wanted.keys())]
        self.new = [wanted[key] for key in sorted(wanted.keys() - present.keys())]
        self.replaced = [wanted[key] for key in sorted(wanted.keys() & present.keys()) if wanted[key] != present[key]]
