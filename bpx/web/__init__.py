"""Requests from clients: blueprints and answers. With app the only place that imports Flask."""
