"""The REST API of the simulated exchange: routes, parameters, replies and refusals."""
