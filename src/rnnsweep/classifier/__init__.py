"""The LightningModule: loss, metrics, optimiser."""
