"""MLflow's UI on this project's runs: the server, the saved views, the links."""
