"""rnnsweep"""
