"""Trials on other machines: an agent on each node runs them, and carries home what they write.

An agent holds a launcher of its node. It works in a folder of its node, and sends messages, the lines of
spools, logs, files and outcomes home. Only the controller's machine writes to mlruns/. Attempts are numbered:
nothing of an attempt that was given up is ever taken.
"""
