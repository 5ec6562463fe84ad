"""Tenants who attack the agent, and a victim in another namespace beside them."""
