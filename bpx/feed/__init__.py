"""What is followed: one feed a thing, kept fresh by its streams, and by REST where they fail."""
