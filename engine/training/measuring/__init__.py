"""How good the model is: listeners, facts and tables. `evaluation` lists what is measured, `card` writes it down."""
