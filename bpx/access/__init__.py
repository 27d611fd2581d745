"""Who may ask for what, and how often: decided from a request's head, before anything is done."""
