"""What feeds hand to the web: the only objects that several greenlets share."""
