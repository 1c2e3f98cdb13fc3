"""Recurrent networks in plain PyTorch."""
