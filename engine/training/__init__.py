"""Making the embedded model's weights: our own sounds, their captions, a teacher, and its distillation.

Nothing here is imported when the engine runs. `python -m engine.training make-default` does it all.
"""
