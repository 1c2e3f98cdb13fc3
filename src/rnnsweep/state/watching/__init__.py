"""What others see of a sweep while it runs and after."""
