"""Connections to the exchange's streams, and who keeps them alive. Only here: websocket-client."""
