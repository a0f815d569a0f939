"""Real servers, each started for a test run in a folder of its own and stopped at its end."""
