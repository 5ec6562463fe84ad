"""Nodes and pods as network namespaces, and everything that sends packets between them."""
