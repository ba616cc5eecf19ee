"""What models want to be given, made from sound: pure functions, one module per family.

Each takes float32 sound of its own rate and gives the patches [n, ...] that one look of the model
needs; the last patch ends with the sound.
"""
