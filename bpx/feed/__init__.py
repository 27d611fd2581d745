"""Streams: connections, what they carry, and who keeps them alive. Only here: websocket-client."""
