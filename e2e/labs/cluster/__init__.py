"""A Kubernetes cluster on one machine: each node, and the control plane, is a set of namespaces with real programs in it."""
