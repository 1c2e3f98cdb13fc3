"""Commands on the project as a whole: what there is, whether it is fit for work, a new one."""
