"""Runs bypass attempts, which are data, against a docker socket, and asks the Engine what came of each."""
