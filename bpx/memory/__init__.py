"""What the process needs memory for, how that goes on, and what is done about it. No gevent."""
