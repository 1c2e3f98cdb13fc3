"""The project as a whole: a new one, what there is in it, whether the machine is fit for work."""
