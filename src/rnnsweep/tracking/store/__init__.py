"""The store: MLflow's database and artifacts, the registry."""
