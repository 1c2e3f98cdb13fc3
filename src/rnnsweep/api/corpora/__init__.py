"""What happens inside a network: gates and states, gradients over time, word vectors."""
