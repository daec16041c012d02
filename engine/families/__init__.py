"""A family is one kind of model: its parts joined in a few lines. Parts live in the stage folders beside this one."""
