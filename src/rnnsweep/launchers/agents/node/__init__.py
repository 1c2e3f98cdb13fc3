"""What runs on the node: the agent, its launcher, and the folders that its attempts work in."""
