"""A real API server, agents that follow it, and pods that are both API objects and network namespaces."""
